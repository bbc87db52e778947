/** Forwarding, against a service that misbehaves by plan and against a real Millrace. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import type {
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { httpForward } from '../../src/destinations/http-forward/http-forward.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
  strangeEvents,
} from '../support/delivery-events.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService, ServiceFault } from '../support/fake-service.ts';
import { startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { runContractSuite } from './contract-suite.ts';

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
  const given = { url: service.url, writeKey: WRITE_KEY, ...settings };
  return httpForward.open(httpForward.parseSettings(given, context.net), context);
}

type Message = Record<string, unknown> & { messageId: string };

function sentMessages(): Message[] {
  return service.taken.flatMap(({ body }) => (JSON.parse(body) as { batch: Message[] }).batch);
}

const FAULTS: Record<string, ServiceFault> = {
  down: { status: 503 },
  refuse: { status: 400 },
  hang: 'hang',
  'rate-limit': { status: 429, headers: { 'Retry-After': '3' } },
};
let reachedBefore = 0;

runContractSuite('http', {
  open,
  // As the receivers do it: by messageId.
  received: async () =>
    [...new Set(sentMessages().map(({ messageId }) => messageId))].map((messageId) => ({
      messageId,
    })),
  fail(mode) {
    reachedBefore = service.requests.length;
    service.always(FAULTS[mode] ?? null);
  },
  heal: () => service.always(null),
  isReached: () => service.requests.length > reachedBefore,
});

describe('what a receiver gets', () => {
  beforeEach(() => {
    service.requests.length = 0;
    service.taken.length = 0;
  });

  test('a batch by Basic authentication, compressed unless that is off', async () => {
    for (const gzip of [true, false]) {
      service.requests.length = 0;
      const events = deliveryEvents(3);
      const outcomes = await (await open({ gzip })).deliver(batchOf(events), NO_SIGNAL);
      assert.ok(outcomes.every(({ kind }) => kind === 'delivered'));
      const [{ method, path, headers, body } = assert.fail()] = service.requests;
      assert.deepEqual([method, path], ['POST', '/v1/batch']);
      const credentials = Buffer.from(`${WRITE_KEY}:`).toString('base64');
      assert.equal(headers.authorization, `Basic ${credentials}`);
      assert.equal(headers['content-type'], 'application/json');
      assert.equal(headers['content-encoding'], gzip ? 'gzip' : undefined);
      const unsent = events.map(({ message }) => {
        const { sentAt: _, ...kept } = message;
        return kept;
      });
      assert.deepEqual(JSON.parse(body), { batch: unsent });
    }
  });

  test('the path is added to whatever people have copied', async () => {
    const paths = ['', '/', '/v1', '/v1/batch', '/v1/batch/', '/v1/import', '/inner', '/inner/v1/'];
    for (const path of paths) {
      const destination = await open({ url: service.url + path });
      await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    }
    const [plain, inner] = ['/v1/batch', '/inner/v1/batch'];
    const expected = [plain, plain, plain, plain, plain, plain, inner, inner];
    assert.deepEqual(
      service.requests.map(({ path }) => path),
      expected,
    );
  });

  test('large batches are cut to what receivers take, in order', async () => {
    const text = 'x'.repeat(20_000);
    const large = Array.from({ length: 30 }, () =>
      deliveryEvent({ message: { properties: { text } } }),
    );
    const small = deliveryEvents(250);
    const huge = deliveryEvent({ message: { properties: { text: text.repeat(30) } } });
    const events = [...large, huge, ...small];
    const outcomes = await (await open()).deliver(batchOf(events), NO_SIGNAL);
    assert.equal(outcomes.length, events.length);
    const sizes = service.requests.map(({ body }) => ({
      bytes: Buffer.byteLength(body),
      events: (JSON.parse(body) as { batch: unknown[] }).batch.length,
    }));
    assert.ok(
      sizes.every((size) => size.events <= 100 && (size.bytes <= 450_000 || size.events === 1)),
    );
    assert.ok(
      sizes.some(({ bytes }) => bytes > 430_000),
      'bodies are filled',
    );
    assert.deepEqual(
      sentMessages().map(({ messageId }) => messageId),
      events.map(({ messageId }) => messageId),
    );
  });

  test('behind a part that has to wait nothing is sent', async () => {
    service.plan({ status: 200 }, { status: 503, headers: { 'Retry-After': '2' } });
    const outcomes = await (await open()).deliver(batchOf(deliveryEvents(250)), NO_SIGNAL);
    assert.equal(service.requests.length, 2);
    const kinds = outcomes.map(({ kind }) => kind);
    assert.deepEqual(kinds, [...Array(100).fill('delivered'), ...Array(150).fill('retry')]);
    const last = outcomes.at(-1);
    assert.equal(last?.kind === 'retry' && last.afterMs, 2_000);
  });

  test('a part that is refused is taken apart, and the others arrive', async () => {
    service.plan({ status: 400 });
    const outcomes = await (await open()).deliver(batchOf(deliveryEvents(101)), NO_SIGNAL);
    const kinds = outcomes.map(({ kind }) => kind);
    assert.deepEqual(kinds, [...Array(100).fill('isolate'), 'delivered']);
  });

  test('events that the receiver rejects among others are dead', async () => {
    const errors = [{ index: 1, code: 'id_required', message: `no\u0007user ${'x'.repeat(500)}` }];
    service.plan({ status: 200, body: JSON.stringify({ success: true, errors }) });
    const outcomes = await (await open()).deliver(batchOf(deliveryEvents(3)), NO_SIGNAL);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'dead', 'delivered'],
    );
    const [, dead] = outcomes;
    assert.ok(dead?.kind === 'dead' && dead.reason === 'PAYLOAD_INVALID');
    assert.match(dead.message, /id_required: no user/);
    assert.ok(dead.message.length < 300);
  });

  test('an answer that is not understood rejects nothing', async () => {
    const bodies = [
      '',
      'OK',
      '{"errors":',
      '{"errors":7}',
      '{"errors":[null,{"index":"0"},{"index":9}]}',
    ];
    for (const body of [...bodies, '[]', `{"errors":[]${' '.repeat(300_000)}}`]) {
      service.plan({ status: 200, body });
      const outcomes = await (await open()).deliver(batchOf(deliveryEvents(2)), NO_SIGNAL);
      assert.ok(
        outcomes.every(({ kind }) => kind === 'delivered'),
        body.slice(0, 50),
      );
    }
  });

  test('a test tells a wrong key', async () => {
    const destination = await open();
    await destination.test?.(NO_SIGNAL);
    assert.equal(sentMessages()[0]?.['event'], 'Millrace Test');
    service.plan({ status: 401 });
    await assert.rejects(destination.test?.(NO_SIGNAL) ?? Promise.resolve(), {
      code: 'DESTINATION_TEST_FAILED',
      message: 'the service answered 401',
    });
  });

  test('settings that cannot work are refused, without their values', () => {
    const url = 'https://events.example.com';
    const writeKey = 's3cretKey';
    const bad: [Record<string, unknown>, string][] = [
      [{ writeKey }, 'url'],
      [{ url }, 'writeKey'],
      [{ url: 'http://10.0.0.1', writeKey }, 'url'],
      [{ url: `${url}?a=s3cret`, writeKey }, 'url'],
      [{ url, writeKey: 's3cret:x' }, 'writeKey'],
      [{ url, writeKey: 's3cret\n' }, 'writeKey'],
      [{ url, writeKey, gzip: 'yes' }, 'gzip'],
      [{ url, writeKey, key: writeKey }, 'key'],
    ];
    for (const [settings, field] of bad) {
      assert.throws(
        () => httpForward.parseSettings(settings, context.net),
        (error) => {
          assert.ok(error instanceof MillraceError && error.code === 'DESTINATION_INVALID');
          assert.equal(error.field, field);
          assert.doesNotMatch(error.message, /s3cret/);
          return true;
        },
      );
    }
    const secrets = httpForward.fields.filter(({ isSecret }) => isSecret).map(({ key }) => key);
    assert.deepEqual(secrets, ['writeKey']);
  });
});

describe('a real Millrace as the receiver', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.stop());
  const forward = async (gzip = true) => open({ url: server.url, gzip });

  test('has the same times, whatever the clocks of clients said', async () => {
    const day = 86_400_000;
    const events = [0, day, -day, 400 * day].map((ageMs) =>
      deliveryEvent({ timestampMs: Date.now() - ageMs, receivedAtMs: Date.now() }),
    );
    const withoutSentAt = deliveryEvent({ message: { sentAt: undefined } });
    const all = [...events, withoutSentAt];
    const outcomes = await (await forward()).deliver(batchOf(all), NO_SIGNAL);
    assert.ok(
      outcomes.every(({ kind }) => kind === 'delivered'),
      JSON.stringify(outcomes),
    );
    const ids = all.map(({ messageId }) => `'${messageId}'`).join();
    const rows = await server.sqlUntil(
      `select message_id, epoch_ms(timestamp) as ms from events where message_id in (${ids})`,
      (found) => found.length === all.length,
    );
    const times = new Map(rows.map((row) => [row['message_id'], Number(row['ms'])]));
    for (const { messageId, timestampMs } of all) assert.equal(times.get(messageId), timestampMs);
  });

  test('has what is forwarded twice once, and everything that is strange', async () => {
    const destination = await forward(false);
    const strange = strangeEvents();
    const events = [...deliveryEvents(12), ...strange.map(([, event]) => event)];
    for (let time = 0; time < 2; time++) {
      const outcomes = await destination.deliver(batchOf(events), NO_SIGNAL);
      outcomes.forEach((outcome, at) => {
        assert.equal(
          outcome.kind,
          'delivered',
          `${strange[at - 12]?.[0]} ${JSON.stringify(outcome)}`,
        );
      });
    }
    const ids = events.map(({ messageId }) => `'${messageId}'`).join();
    const rows = await server.sqlUntil(
      `select count(*)::int as n, count(distinct message_id)::int as ids from events
       where message_id in (${ids})`,
      ([row]) => Number(row?.['ids']) === events.length,
    );
    assert.equal(Number(rows[0]?.['n']), events.length);
  });

  test('rejects single events, and says which', async () => {
    const tooLong = deliveryEvent({ message: { properties: { text: 'x'.repeat(40_000) } } });
    const noUser = deliveryEvent({ userId: null });
    const [first, last] = [deliveryEvent(), deliveryEvent()];
    const batch = batchOf([first, tooLong, noUser, last]);
    const destination = await forward();
    const outcomes = await destination.deliver(batch, NO_SIGNAL);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'dead', 'dead', 'delivered'],
    );
    const together = await destination.deliver(batchOf([tooLong, noUser]), NO_SIGNAL);
    assert.deepEqual(
      together.map(({ kind }) => kind),
      ['isolate', 'isolate'],
    );
    const [alone] = await destination.deliver(batchOf([noUser]), NO_SIGNAL);
    assert.equal(alone?.kind, 'dead');
  });

  test('refuses a wrong key, and events wait for the right one', async () => {
    const destination = await open({ url: server.url, writeKey: 'wrongKey0123456789' });
    const [outcome] = await destination.deliver(batchOf([deliveryEvent()]), NO_SIGNAL);
    assert.equal(outcome?.kind === 'retry' && outcome.reason, 'CREDENTIALS_REFUSED');
    await assert.rejects(destination.test?.(NO_SIGNAL) ?? Promise.resolve(), {
      code: 'DESTINATION_TEST_FAILED',
    });
    await (await forward()).test?.(NO_SIGNAL);
    await server.sqlUntil(
      `select 1 as one from events where event = 'Millrace Test'`,
      (rows) => rows.length === 1,
    );
  });
});
