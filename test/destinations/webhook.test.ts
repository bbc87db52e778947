/** The webhook against a service that checks signatures and misbehaves by plan. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import type {
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { webhook } from '../../src/destinations/webhook/webhook.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
} from '../support/delivery-events.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService, ServiceFault, ServiceRequest } from '../support/fake-service.ts';
import { ROOT } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { runContractSuite } from './contract-suite.ts';
import type { DestinationHarness } from './contract-suite.ts';

const SECRET = 'a shared s3cret';
const NO_SIGNAL = new AbortController().signal;

let service: FakeService;
let context: DestinationContext;
let closeContext: () => Promise<void>;

before(async () => {
  service = await startFakeService();
  ({ context, close: closeContext } = await destinationContext());
});
after(async () => {
  await closeContext();
  await service.close();
});

async function open(settings: Record<string, unknown> = {}): Promise<Destination> {
  const given = { url: `${service.url}/hook?key=1`, sharedSecret: SECRET, ...settings };
  return webhook.open(webhook.parseSettings(given, context.net), context);
}

/** What a receiver has that looks each Idempotency-Key up before it stores. */
function storedMessages(): { messageId: string }[] {
  const byKey = new Map(service.taken.map((taken) => [taken.headers['idempotency-key'], taken]));
  return [...byKey.values()].flatMap(({ body }) => [JSON.parse(body)].flat());
}

const FAULTS: Record<string, ServiceFault> = {
  down: { status: 503 },
  refuse: { status: 400 },
  hang: 'hang',
  'rate-limit': { status: 429, headers: { 'Retry-After': '3' } },
};
let reachedBefore = 0;

function harness(settings: Record<string, unknown>): DestinationHarness {
  return {
    open: (overrides) => open({ ...settings, ...overrides }),
    received: async () => storedMessages(),
    fail(mode) {
      reachedBefore = service.requests.length;
      service.always(FAULTS[mode] ?? null);
    },
    heal: () => service.always(null),
    isReached: () => service.requests.length > reachedBefore,
  };
}

runContractSuite('webhook, one event a request', harness({ batch: false }));
runContractSuite('webhook, batches', harness({ batch: true }));

function hmac(algorithm: string, text: string): string {
  return createHmac(algorithm, SECRET).update(text).digest('hex');
}

describe('what a webhook receives', () => {
  beforeEach(() => {
    service.requests.length = 0;
    service.taken.length = 0;
  });
  const onlyRequest = (): ServiceRequest => {
    assert.equal(service.requests.length, 1);
    return service.requests[0] ?? assert.fail();
  };

  test('one event is a POST of its message, signed', async () => {
    const event = deliveryEvent({ attempts: 2, message: { properties: { text: 'größe 🔑' } } });
    const destination = await open({ headers: { Authorization: 'Bearer token', 'X-Team': 'a' } });
    const [outcome] = await destination.deliver(batchOf([event]), NO_SIGNAL);
    assert.equal(outcome?.kind, 'delivered');
    const { method, path, headers, body } = onlyRequest();
    assert.deepEqual([method, path], ['POST', '/hook?key=1']);
    assert.equal(body, JSON.stringify(event.message));
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['user-agent'], 'Segment.io/1.0');
    assert.equal(headers.authorization, 'Bearer token');
    assert.equal(headers['x-team'], 'a');
    assert.equal(headers['idempotency-key'], event.idempotencyKey);
    assert.equal(headers['x-millrace-attempt'], '3');
    assert.equal(headers['x-millrace-replay'], undefined);
    assert.equal(headers['x-signature'], hmac('sha1', body));
  });

  test('a batch is an array, with its token, signed as a whole and by its first event', async () => {
    const events = deliveryEvents(3);
    const batch = batchOf(events, { replayId: 'replay-7' });
    const destination = await open({ batch: true, method: 'PUT' });
    const outcomes = await destination.deliver(batch, NO_SIGNAL);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'delivered', 'delivered'],
    );
    const { method, headers, body } = onlyRequest();
    assert.equal(method, 'PUT');
    assert.equal(body, JSON.stringify(events.map(({ message }) => message)));
    assert.equal(headers['idempotency-key'], batch.token);
    assert.equal(headers['x-millrace-replay'], 'replay-7');
    assert.equal(headers['x-millrace-attempt'], '1');
    assert.equal(headers['x-signature'], hmac('sha1', JSON.stringify(events[0]?.message)));
    const signature = String(headers['x-millrace-signature']);
    const [, seconds = '', digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    assert.equal(digest, hmac('sha256', `${seconds}.${body}`));
  });

  test('the signature tells the time of the sender', async () => {
    const atNoon = { ...context.clock, wallMs: () => 1_772_625_600_999 };
    const settings = webhook.parseSettings({ url: service.url, sharedSecret: SECRET }, context.net);
    const destination = await webhook.open(settings, { ...context, clock: atNoon });
    await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    const { headers, body } = onlyRequest();
    const expected = `t=1772625600,v1=${hmac('sha256', `1772625600.${body}`)}`;
    assert.equal(headers['x-millrace-signature'], expected);
  });

  test('the code in the documentation tells a genuine request from others', async () => {
    const page = await readFile(join(ROOT, 'docs/destinations/webhook.md'), 'utf8');
    const [, code = assert.fail()] = /```js\n([^]*?)```/.exec(page) ?? [];
    const { isFromMillrace } = (await import(
      `data:text/javascript,${encodeURIComponent(code)}`
    )) as { isFromMillrace(...given: unknown[]): boolean };
    await (await open()).deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    const { headers, body } = onlyRequest();
    const signature = String(headers['x-millrace-signature']);
    const seconds = Number(/\d+/.exec(signature)?.[0]);
    assert.equal(isFromMillrace(SECRET, signature, body, seconds + 60), true);
    assert.equal(isFromMillrace(SECRET, signature, body, seconds + 301), false);
    assert.equal(isFromMillrace(SECRET, signature, `${body} `, seconds), false);
    assert.equal(isFromMillrace('another', signature, body, seconds), false);
    assert.equal(isFromMillrace(SECRET, undefined, body, seconds), false);
  });

  test('nothing is signed without a secret', async () => {
    const destination = await open({ sharedSecret: null });
    await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    const { headers } = onlyRequest();
    assert.equal(headers['x-signature'], undefined);
    assert.equal(headers['x-millrace-signature'], undefined);
  });

  test('an event whose answer was lost comes again with the same key', async () => {
    service.plan('lost-answer');
    const destination = await open();
    const batch = batchOf([deliveryEvent()]);
    const [lost] = await destination.deliver(batch, NO_SIGNAL);
    assert.equal(lost?.kind === 'retry' && lost.reason, 'NETWORK');
    const [again] = await destination.deliver(batch, NO_SIGNAL);
    assert.equal(again?.kind, 'delivered');
    assert.equal(service.taken.length, 2);
    assert.equal(storedMessages().length, 1);
  });

  test('each fault of a service is an outcome', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const faults: [ServiceFault, string][] = [
      [{ status: 500 }, 'retry HTTP_STATUS'],
      [{ status: 408 }, 'retry HTTP_STATUS'],
      [{ status: 429, headers: { 'Retry-After': '7' } }, 'retry RATE_LIMITED'],
      [{ status: 429, headers: { 'Retry-After': date } }, 'retry RATE_LIMITED'],
      [{ status: 401 }, 'retry CREDENTIALS_REFUSED'],
      [{ status: 302, headers: { Location: service.url } }, 'dead HTTP_STATUS'],
      [{ status: 404, body: 'gone' }, 'dead HTTP_STATUS'],
      ['reset', 'retry NETWORK'],
      ['half-open', 'retry NETWORK'],
      ['huge-header', 'retry NETWORK'],
      ['garbage', 'retry NETWORK'],
      ['endless-body', 'delivered'],
    ];
    const destination = await open();
    for (const [fault, expected] of faults) {
      service.plan(fault);
      const [outcome] = await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
      const reason = outcome && 'reason' in outcome ? ` ${outcome.reason}` : '';
      assert.equal(`${outcome?.kind}${reason}`, expected, JSON.stringify(fault));
      if (outcome?.kind !== 'retry' || outcome.reason !== 'RATE_LIMITED') continue;
      assert.ok((outcome.afterMs ?? 0) > 6_000, 'Retry-After is heeded');
    }
  });

  test('a service that echoes the request does not bring secrets into the trace', async () => {
    const headers = { Authorization: 'Bearer s3cret' };
    service.plan({ status: 404, body: `you sent ${JSON.stringify(headers)} and ${SECRET}` });
    const destination = await open({ headers });
    const [outcome] = await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    assert.equal(outcome?.kind, 'dead');
    const { response = '' } = outcome as { response?: string };
    assert.match(response, /^you sent/);
    assert.doesNotMatch(response, /s3cret/);
  });

  test('one event after another: those behind a failure are not sent', async () => {
    service.plan({ status: 200 }, { status: 503 });
    const destination = await open();
    const outcomes = await destination.deliver(batchOf(deliveryEvents(4)), NO_SIGNAL);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'retry', 'retry', 'retry'],
    );
    assert.equal(service.requests.length, 2);
  });

  test('an event that cannot be written is dead, and the others of its batch arrive', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    for (const isBatch of [true, false]) {
      service.requests.length = 0;
      const [first, last] = [deliveryEvent(), deliveryEvent()];
      const broken = { ...deliveryEvent(), message: cyclic };
      const destination = await open({ batch: isBatch });
      const batch = batchOf([first, broken, last]);
      const outcomes = await destination.deliver(batch, NO_SIGNAL);
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['delivered', 'dead', 'delivered'],
      );
      const sent = service.requests.flatMap(({ body }) => [JSON.parse(body)].flat());
      assert.deepEqual(
        sent.map(({ messageId }) => messageId),
        [first.messageId, last.messageId],
      );
      const [alone] = await destination.deliver(batchOf([broken]), NO_SIGNAL);
      assert.equal(alone?.kind === 'dead' && alone.reason, 'PAYLOAD_INVALID');
      assert.equal(service.requests.length, isBatch ? 1 : 2, 'nothing is sent of it');
    }
  });

  test('a test is a track event of its own name, which is not passed on', async () => {
    const destination = await open();
    await destination.test?.(NO_SIGNAL);
    const message = JSON.parse(onlyRequest().body);
    assert.equal(message.type, 'track');
    assert.equal(message.event, 'Millrace Test');
    assert.deepEqual(message.integrations, { All: false });
    for (const status of [500, 401, 404]) {
      service.plan({ status, body: 'inner page' });
      await assert.rejects(destination.test?.(NO_SIGNAL) ?? Promise.resolve(), (error) => {
        assert.ok(error instanceof MillraceError && error.code === 'DESTINATION_TEST_FAILED');
        assert.match(error.message, new RegExp(String(status)));
        assert.doesNotMatch(error.message, /inner page/, 'the body is not for the person asking');
        return true;
      });
    }
  });

  test('users are deleted by Segment’s delete message, one a request or in batches', async () => {
    await (await open()).deleteUsers?.(['ada', 'bob'], NO_SIGNAL);
    const singles = service.requests.map(({ body }) => JSON.parse(body));
    assert.deepEqual(
      singles.map(({ userId }) => userId),
      ['ada', 'bob'],
    );
    for (const message of singles) {
      assert.equal(message.type, 'delete');
      assert.equal(message.channel, 'server');
      assert.match(message.messageId, /^delete-/);
    }
    assert.equal(service.requests[0]?.headers['x-signature'] !== undefined, true);
    service.requests.length = 0;
    const inBatches = await open({ batch: true, batchEvents: 2 });
    await inBatches.deleteUsers?.(['ada', 'bob', 'eve'], NO_SIGNAL);
    const batches = service.requests.map(({ body }) => JSON.parse(body).length);
    assert.deepEqual(batches, [2, 1]);
  });

  test('a deletion that fails is asked again if that may help', async () => {
    const destination = await open();
    const remove = () => destination.deleteUsers?.(['ada'], NO_SIGNAL) ?? Promise.resolve();
    service.plan({ status: 503 }, { status: 404 });
    await assert.rejects(remove(), { code: 'UNAVAILABLE' });
    await assert.rejects(remove(), { code: 'INVALID_ARGUMENT' });
  });

  test('an aborted attempt is one that had no answer in time', async () => {
    service.plan('hang');
    const stop = new AbortController();
    const delivered = (await open()).deliver(batchOf([deliveryEvent()]), stop.signal);
    await until('the request is in', () => service.requests.length === 1);
    stop.abort();
    const [outcome] = await delivered;
    assert.equal(outcome?.kind === 'retry' && outcome.reason, 'TIMEOUT');
  });
});

describe('the settings of a webhook', () => {
  const url = 'https://crm.example/hook';
  const parse = (settings: unknown) => webhook.parseSettings(settings, context.net);
  const isInvalid = (field: string) => (error: unknown) => {
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, 'DESTINATION_INVALID');
    assert.equal(error.field?.split('.')[0], field);
    assert.doesNotMatch(error.message, /s3cret|[\r\n]/);
    return true;
  };

  test('an address that is not allowed is refused when it is saved', () => {
    for (const bad of [
      'http://10.0.0.1/',
      'http://localhost/',
      'ftp://h/',
      'https://u:s3cret@h/',
      'x',
    ]) {
      assert.throws(() => parse({ url: bad }), isInvalid('url'), bad);
    }
    assert.doesNotThrow(() => parse({ url }));
  });

  test('headers that would change the request or hide another are refused', () => {
    const bad: Record<string, string>[] = [
      { 'X-A': 's3cret\r\nHost: evil' },
      { 'X-A\r\nHost': 's3cret' },
      { 'X-A': 's3cret\0' },
      { 'X-A': 's3cret\u0100' },
      { '': 's3cret' },
      { 'X A': 's3cret' },
      { Host: 's3cret' },
      { 'Content-Length': '0' },
      { 'transfer-encoding': 'chunked' },
      { 'Proxy-Authorization': 's3cret' },
      { 'User-Agent': 's3cret' },
      { 'X-Signature': 's3cret' },
      { 'Idempotency-Key': 's3cret' },
      { 'X-A': 's3cret', 'x-a': 's3cret' },
      { 'X-A': 's3cret'.repeat(2_000) },
      Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`X-${at}`, 's3cret'])),
    ];
    for (const headers of bad) {
      assert.throws(() => parse({ url, headers }), isInvalid('headers'), Object.keys(headers)[0]);
    }
    assert.doesNotThrow(() =>
      parse({ url, headers: { Authorization: 'Basic s3cret', Cookie: 'a' } }),
    );
  });

  test('unknown keys, methods and sizes are refused', () => {
    assert.throws(() => parse({}), isInvalid('url'));
    assert.throws(() => parse(undefined), isInvalid('url'));
    assert.throws(() => parse({ url, uri: url }), isInvalid('uri'));
    assert.throws(() => parse({ url, method: 'DELETE' }), isInvalid('method'));
    for (const batchEvents of [0, 4_001, 1.5, '10']) {
      assert.throws(() => parse({ url, batchEvents }), isInvalid('batchEvents'));
    }
    assert.throws(() => parse({ url, sharedSecret: '' }), isInvalid('sharedSecret'));
  });

  test('secrets are marked, and the batch follows the settings', () => {
    const secrets = webhook.fields.filter(({ isSecret }) => isSecret).map(({ key }) => key);
    assert.deepEqual(secrets, ['headers', 'sharedSecret']);
    assert.ok(webhook.fields.every(({ label, description }) => label && description));
    assert.deepEqual(webhook.batching?.(parse({ url })), { batchEvents: 1 });
    assert.deepEqual(webhook.batching?.(parse({ url, batch: true })), { batchEvents: 1_000 });
    const most = parse({ url, batch: true, batchEvents: 4_000 });
    assert.deepEqual(webhook.batching?.(most), { batchEvents: 4_000 });
  });
});
