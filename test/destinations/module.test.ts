/** Modules of the operator: both styles, what they return and throw, and how they go wrong. */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import type {
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { module } from '../../src/destinations/module/module.ts';
import type { JsonObject } from '../../src/events/json.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
} from '../support/delivery-events.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService, ServiceFault } from '../support/fake-service.ts';
import { ROOT } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { runContractSuite } from './contract-suite.ts';

const NO_SIGNAL = new AbortController().signal;
const MODULES = join(ROOT, 'test/fixtures/modules');
const FAULTS: Record<string, ServiceFault> = {
  down: { status: 503 },
  refuse: { status: 400 },
  hang: 'hang',
  'rate-limit': { status: 429 },
};

let service: FakeService;
let context: DestinationContext;
let closeContext: () => Promise<void>;
let folder: string;
const opened: Destination[] = [];
const printed: unknown[] = [];

before(async () => {
  service = await startFakeService();
  ({ context, close: closeContext } = await destinationContext());
  context.logger = Object.assign(Object.create(context.logger) as typeof context.logger, {
    info: (fields: unknown) => void printed.push(fields),
  });
  folder = await mkdtemp(join(tmpdir(), 'millrace-module-'));
});
after(async () => {
  for (const destination of opened) await destination.close();
  await closeContext();
  await service.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  service.requests.length = 0;
  service.taken.length = 0;
});

async function open(file: string, over: Record<string, unknown> = {}): Promise<Destination> {
  const path = file.startsWith('/') ? file : join(MODULES, file);
  const given = { path, settings: { url: `${service.url}/in` }, ...over };
  const destination = await module.open(module.parseSettings(given, context.net), context);
  opened.push(destination);
  return destination;
}

/** Delivers events with these properties, each of a user of its own. */
async function deliver(
  destination: Destination,
  ...properties: JsonObject[]
): Promise<DeliveryOutcome[]> {
  const events = properties.map((own, at) =>
    deliveryEvent({ userId: `user-${at}`, message: { properties: own } }),
  );
  return destination.deliver(batchOf(events), NO_SIGNAL);
}

const deed = (name: string): JsonObject => ({ deed: name });

function brief(outcome: DeliveryOutcome | undefined): string {
  if (outcome === undefined) return 'none';
  if (outcome.kind === 'delivered') return 'delivered';
  const scope = outcome.kind === 'retry' ? ` ${outcome.scope}` : '';
  return `${outcome.kind}${scope} ${outcome.reason}`;
}

function storedMessages(): { messageId: string }[] {
  const byKey = new Map(service.taken.map((taken) => [taken.headers['idempotency-key'], taken]));
  return [...byKey.values()].map(({ body }) => JSON.parse(body) as { messageId: string });
}

let reachedBefore = 0;
runContractSuite('module', {
  open: () => open('forward.ts'),
  received: async () => storedMessages(),
  fail(mode) {
    reachedBefore = service.requests.length;
    service.always(FAULTS[mode] ?? null);
  },
  heal: () => service.always(null),
  isReached: () => service.requests.length > reachedBefore,
});

describe('a module in the style of functions', () => {
  test('each event goes to the handler of its type, with the settings', async () => {
    const destination = await open('handlers.cjs');
    const events = [deliveryEvent({ type: 'track' }), deliveryEvent({ type: 'identify' })];
    const outcomes = await destination.deliver(batchOf(events), NO_SIGNAL);
    assert.deepEqual(outcomes.map(brief), ['delivered', 'delivered']);
    const bodies = service.taken.map(({ body }) => JSON.parse(body) as JsonObject);
    const [track, identify] = ['track', 'identify'].map((type) =>
      bodies.find((body) => body['type'] === type),
    );
    assert.deepEqual(identify, events[1]?.message);
    const properties = track?.['properties'] as JsonObject | undefined;
    assert.equal(properties?.['seen'], true, 'an event may be changed');
  });

  test('a type without a handler is filtered', async () => {
    const destination = await open('handlers.cjs');
    const batch = batchOf([deliveryEvent({ type: 'page' })]);
    const outcomes = await destination.deliver(batch, NO_SIGNAL);
    assert.deepEqual(outcomes.map(brief), ['filtered EVENT_TYPE_UNSUPPORTED']);
  });

  const expected: Record<string, string> = {
    RetryError: 'retry event BATCH_REFUSED',
    EventNotSupported: 'filtered EVENT_TYPE_UNSUPPORTED',
    ValidationError: 'dead PAYLOAD_INVALID',
    InvalidEventPayload: 'dead PAYLOAD_INVALID',
    DropEvent: 'filtered FILTERED_BY_DESTINATION',
    TypeError: 'retry event DESTINATION_DEFECT',
    address: 'retry destination ADDRESS_REFUSED',
    network: 'retry destination NETWORK',
  };
  test('what is thrown says what becomes of the event, and of no other', async () => {
    const closed = await startFakeService();
    await closed.close();
    const settings = { url: service.url, closedUrl: closed.url };
    const destination = await open('handlers.cjs', { settings });
    const names = Object.keys(expected);
    const outcomes = await deliver(destination, ...names.map((fail) => ({ fail })), {});
    const found = Object.fromEntries(names.map((name, at) => [name, brief(outcomes[at])]));
    assert.deepEqual(found, expected);
    assert.equal(brief(outcomes.at(-1)), 'delivered');
    assert.match(JSON.stringify(outcomes), /no email/, 'its words are kept');
  });

  test('an event that waits holds back the later ones of its user', async () => {
    const destination = await open('handlers.cjs');
    const event = (userId: string, fail?: string) =>
      deliveryEvent({ userId, message: { properties: { fail } } });
    const events = [event('one', 'RetryError'), event('one'), event('two')];
    const outcomes = await destination.deliver(batchOf(events), NO_SIGNAL);
    assert.deepEqual(outcomes.map(brief), [
      'retry event BATCH_REFUSED',
      'retry event BATCH_REFUSED',
      'delivered',
    ]);
    assert.equal(service.taken.length, 1);
  });

  test('a batch handler answers with a status for each', async () => {
    const destination = await open('batches.cjs', { settings: { text: 'because' } });
    const statuses = [200, 400, 401, 429, 503].map((status) => ({ status }));
    assert.deepEqual((await deliver(destination, ...statuses)).map(brief), [
      'delivered',
      'dead HTTP_STATUS',
      'retry destination CREDENTIALS_REFUSED',
      'retry destination RATE_LIMITED',
      'retry destination HTTP_STATUS',
    ]);
  });

  test('users are deleted one by one', async () => {
    await (await open('handlers.cjs')).deleteUsers?.(['ada', 'eve'], NO_SIGNAL);
    const bodies = service.taken.map(({ body }) => JSON.parse(body) as JsonObject);
    assert.deepEqual(
      bodies.map(({ type, userId }) => [type, userId]),
      [
        ['delete', 'ada'],
        ['delete', 'eve'],
      ],
    );
  });
});

describe('what a module returns', () => {
  test('outcomes are taken as they are, with reasons where they have none', async () => {
    const destination = await open('misbehaving.mjs');
    const given = [
      { kind: 'retry', scope: 'destination', reason: 'RATE_LIMITED', afterMs: 50, message: 'slow' },
      { kind: 'retry', progress: 'half', reason: 'NO_SUCH_REASON' },
      { kind: 'dead' },
      { kind: 'filtered' },
      { kind: 'delivered', status: 202, response: 'ok' },
      null,
    ];
    const outcomes = await deliver(destination, { outcomes: given }, {}, {}, {}, {}, {});
    assert.deepEqual(outcomes.map(brief), [
      'retry destination RATE_LIMITED',
      'retry event BATCH_REFUSED',
      'dead PAYLOAD_INVALID',
      'filtered FILTERED_BY_DESTINATION',
      'delivered',
      'delivered',
    ]);
    assert.equal(outcomes[0]?.kind === 'retry' && outcomes[0].afterMs, 50);
    assert.equal(outcomes[1]?.kind === 'retry' && outcomes[1].progress, 'half');
    assert.deepEqual(outcomes[4], { kind: 'delivered', status: 202, response: 'ok' });
  });

  test('nothing means that all are delivered', async () => {
    const outcomes = await deliver(await open('misbehaving.mjs'), deed('nothing'), {}, {});
    assert.deepEqual(outcomes.map(brief), ['delivered', 'delivered', 'delivered']);
  });

  for (const name of ['short', 'strange', 'throw']) {
    test(`${name} is a defect: a batch is taken apart, an event tried again`, async () => {
      const destination = await open('misbehaving.mjs');
      const together = await deliver(destination, deed(name), {});
      assert.deepEqual(together.map(brief), Array(2).fill('isolate DESTINATION_DEFECT'));
      const alone = await deliver(destination, deed(name));
      assert.deepEqual(alone.map(brief), ['retry event DESTINATION_DEFECT']);
    });
  }

  test('what it does not accept is filtered, and the others keep their places', async () => {
    const destination = await open('misbehaving.mjs');
    const given = { outcomes: [{ kind: 'dead' }, null] };
    const outcomes = await deliver(destination, deed('unwanted'), given, deed('unwanted'), {});
    assert.deepEqual(outcomes.map(brief), [
      'filtered FILTERED_BY_DESTINATION',
      'dead PAYLOAD_INVALID',
      'filtered FILTERED_BY_DESTINATION',
      'delivered',
    ]);
  });

  test('what it prints is logged', async () => {
    await deliver(await open('misbehaving.mjs'), deed('print'));
    await until('the line is logged', () =>
      JSON.stringify(printed).includes('a line of the module'),
    );
  });

  test('it does not see the variables of Millrace', async () => {
    process.env['MILLRACE_TEST_SECRET'] = 'x';
    process.env['OTHER_TEST_VARIABLE'] = 'x';
    const [outcome] = await deliver(await open('misbehaving.mjs'), deed('environment'));
    delete process.env['MILLRACE_TEST_SECRET'];
    delete process.env['OTHER_TEST_VARIABLE'];
    const names = String(outcome?.kind === 'delivered' && outcome.response).split(',');
    assert.ok(names.includes('OTHER_TEST_VARIABLE'), names.join());
    assert.deepEqual(
      names.filter((name) => name.startsWith('MILLRACE')),
      [],
    );
  });
});

describe('a module that goes wrong', () => {
  const wrong: [name: string, pattern: RegExp][] = [
    ['loop', /no result within 300 ms/],
    ['never', /no result within 300 ms/],
    ['memory', /memory limit/],
    ['exit', /ended/],
    ['later', /thrown where nobody catches/],
  ];
  for (const [name, pattern] of wrong) {
    test(`${name}: the thread ends, the event waits, and the next one is delivered`, async () => {
      const timeoutMs = name === 'loop' || name === 'never' ? 300 : 30_000;
      const destination = await open('misbehaving.mjs', { timeoutMs, memoryMb: 32 });
      const [outcome] = await deliver(destination, deed(name));
      assert.equal(brief(outcome), 'retry event DESTINATION_DEFECT');
      assert.match(JSON.stringify(outcome), pattern);
      const [next] = await deliver(destination, deed('count'));
      assert.deepEqual(next, { kind: 'delivered', response: 'delivery 1' }, 'a new thread');
    });
  }

  test('how much a module may hold is a setting', async () => {
    const [held] = await deliver(await open('misbehaving.mjs', { memoryMb: 512 }), deed('hold'));
    assert.equal(brief(held), 'delivered');
    const [lost] = await deliver(await open('misbehaving.mjs', { memoryMb: 32 }), deed('hold'));
    assert.equal(brief(lost), 'retry event DESTINATION_DEFECT');
  });

  test('a batch that ends the thread is taken apart', async () => {
    const destination = await open('misbehaving.mjs');
    const outcomes = await deliver(destination, deed('exit'), deed('nothing'));
    assert.deepEqual(outcomes.map(brief), Array(2).fill('isolate DESTINATION_DEFECT'));
  });

  test('an abort is answered at once, by a module that loops too', async () => {
    const destination = await open('misbehaving.mjs', { timeoutMs: 500 });
    await deliver(destination, deed('nothing'));
    const stop = new AbortController();
    const event = deliveryEvent({ message: { properties: deed('loop') } });
    const delivered = destination.deliver(batchOf([event]), stop.signal);
    stop.abort();
    assert.equal(brief((await delivered)[0]), 'retry destination TIMEOUT');
  });

  for (const [file, pattern] of [
    ['broken.ts', /broken on purpose/],
    ['empty.mjs', /exports none of deliver/],
  ] as const) {
    test(`${file} cannot be loaded, and everything waits`, async () => {
      const destination = await open(file);
      const [outcome] = await deliver(destination, {});
      assert.equal(brief(outcome), 'retry destination DESTINATION_DEFECT');
      assert.match(JSON.stringify(outcome), pattern);
      await assert.rejects(
        async () => destination.test?.(NO_SIGNAL),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'DESTINATION_TEST_FAILED' &&
          pattern.test(error.message),
      );
    });
  }

  test('a file that was repaired is read when the destination is opened again', async () => {
    const path = join(folder, 'repaired.mjs');
    await copyFile(join(MODULES, 'broken.ts'), path);
    const [before_] = await deliver(await open(path), {});
    assert.equal(brief(before_), 'retry destination DESTINATION_DEFECT');
    await writeFile(path, 'export const deliver = () => [{ kind: "delivered", response: "two" }];');
    const [after_] = await deliver(await open(path), {});
    assert.deepEqual(after_, { kind: 'delivered', response: 'two' });
  });
});

describe('the other calls of a module', () => {
  test('the test of the settings is the module’s own', async () => {
    const destination = await open('forward.ts');
    await destination.test?.(NO_SIGNAL);
    assert.equal(service.requests.at(-1)?.method, 'HEAD');
    service.plan({ status: 500 });
    await assert.rejects(async () => destination.test?.(NO_SIGNAL), /the service answered 500/);
  });

  test('users are deleted, or it is asked again', async () => {
    const destination = await open('forward.ts');
    await destination.deleteUsers?.(['ada'], NO_SIGNAL);
    assert.deepEqual(JSON.parse(service.taken.at(-1)?.body ?? ''), { delete: ['ada'] });
    service.plan({ status: 500 });
    await assert.rejects(
      async () => destination.deleteUsers?.(['ada'], NO_SIGNAL),
      (error) => error instanceof MillraceError && error.code === 'UNAVAILABLE',
    );
  });

  test('events of many wait in one place while the thread starts once', async () => {
    const destination = await open('misbehaving.mjs');
    const all = await Promise.all(
      Array.from({ length: 5 }, () => deliver(destination, deed('count'))),
    );
    const counts = all.map(([outcome]) => outcome?.kind === 'delivered' && outcome.response);
    assert.deepEqual(
      counts,
      [1, 2, 3, 4, 5].map((count) => `delivery ${count}`),
    );
  });

  test('after closing nothing is called', async () => {
    const destination = await open('forward.ts');
    await destination.close();
    const outcomes = await destination.deliver(batchOf(deliveryEvents(1)), NO_SIGNAL);
    assert.equal(outcomes[0]?.kind, 'retry');
    assert.equal(service.requests.length, 0);
  });
});

describe('settings of module', () => {
  test('a relative path begins where the process was started', () => {
    const path = relative(process.cwd(), join(MODULES, 'forward.ts'));
    const parsed = module.parseSettings({ path }, context.net) as { path: string };
    assert.equal(parsed.path, join(MODULES, 'forward.ts'));
  });

  const path = join(MODULES, 'forward.ts');
  const wrong: [field: string, given: Record<string, unknown>][] = [
    ['path', {}],
    ['path', { path: join(MODULES, 'absent.ts') }],
    ['path', { path: MODULES }],
    ['path', { path: 'forward.json' }],
    ['timeoutMs', { path, timeoutMs: 0 }],
    ['memoryMb', { path, memoryMb: 1 }],
    ['settings', { path, settings: 'text' }],
    ['colour', { path, colour: 'red' }],
  ];
  for (const [field, given] of wrong) {
    test(`${JSON.stringify(given).replaceAll(ROOT, '')} is refused by its field`, () => {
      assert.throws(
        () => module.parseSettings(given, context.net),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'DESTINATION_INVALID' &&
          error.field === field,
      );
    });
  }
});
