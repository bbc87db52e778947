/** Kafka: a real broker, which is killed, frozen, and asked for a login. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { prepareKafka } from '../../scripts/toolchains.ts';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import type {
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { kafka } from '../../src/destinations/kafka/kafka.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import type { Net } from '../../src/net/net.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
} from '../support/delivery-events.ts';
import {
  KAFKA_PASSWORD,
  KAFKA_TLS_CERTIFICATE,
  KAFKA_TLS_NAME,
  KAFKA_USER,
  startKafkaBroker,
} from '../support/kafka-broker.ts';
import type { KafkaBroker, KafkaRecord } from '../support/kafka-broker.ts';
import { until } from '../support/until.ts';
import { runContractSuite } from './contract-suite.ts';

const NO_SIGNAL = new AbortController().signal;
const found = await prepareKafka();

let broker: KafkaBroker;
let context: DestinationContext;
let closeContext: () => Promise<void>;
/** In it, the name in the certificate is this machine. */
let namedNet: Net;
const opened: Destination[] = [];
let topics = 0;

async function open(
  over: Record<string, unknown> = {},
  net: Net = context.net,
): Promise<Destination> {
  const given = { brokers: [`127.0.0.1:${broker.plainPort}`], topic: 'contract', ...over };
  const destination = await kafka.open(kafka.parseSettings(given, net), { ...context, net });
  opened.push(destination);
  return destination;
}

async function newTopic(partitions = 3): Promise<string> {
  const name = `topic-${++topics}`;
  await broker.createTopic(name, partitions);
  return name;
}

async function deliver(
  destination: Destination,
  events: readonly DeliveryEvent[],
  replayId: string | null = null,
): Promise<DeliveryOutcome[]> {
  return destination.deliver({ ...batchOf(events), replayId }, NO_SIGNAL);
}

function kindsOf(outcomes: readonly DeliveryOutcome[]): string[] {
  return outcomes.map(({ kind }) => kind);
}

function assertRetry(outcome: DeliveryOutcome | undefined, reason: string, scope: string): void {
  assert.equal(outcome?.kind, 'retry', JSON.stringify(outcome));
  assert.deepEqual(
    outcome?.kind === 'retry' && { reason: outcome.reason, scope: outcome.scope },
    { reason, scope },
    JSON.stringify(outcome),
  );
}

/** What a reader has that drops repetitions. */
function distinct(records: readonly KafkaRecord[]): KafkaRecord[] {
  const seen = new Set<string | undefined>();
  return records.filter(({ headers }) => {
    const key = headers['idempotency-key'];
    return !seen.has(key) && seen.add(key);
  });
}

if (!found.ok) {
  test('kafka', { skip: found.reason }, () => undefined);
} else {
  before(async () => {
    broker = await startKafkaBroker(found);
    await broker.createTopic('contract', 3);
    ({ context, close: closeContext } = await destinationContext());
    namedNet = createNet({
      settings: netSchema.parse({ allow: [KAFKA_TLS_NAME] }),
      clock: systemClock,
      lookup: (name) =>
        name === KAFKA_TLS_NAME
          ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
          : Promise.reject(new Error(`asked for ${name}`)),
    });
  });
  after(async () => {
    for (const destination of opened) await destination.close();
    await broker?.close();
    await namedNet?.close();
    await closeContext?.();
  });
  suite();
}

/** Changes the topic of the suite, and waits until events feel it. */
async function configure(
  settings: Record<string, string>,
  isFelt: (kind: string | undefined) => boolean,
): Promise<void> {
  await broker.configureTopic('contract', settings);
  const destination = await open();
  await until('the topic is configured', async () => {
    const events = Array.from({ length: 12 }, (_, at) => deliveryEvent({ userId: `probe-${at}` }));
    return kindsOf(await deliver(destination, events)).every(isFelt);
  });
}

function suite(): void {
  runContractSuite('kafka', {
    open,
    received: async () =>
      distinct(await broker.records('contract')).map(({ headers }) => ({
        messageId: String(headers['messageId']),
      })),
    async fail(mode) {
      if (mode === 'down') return broker.kill();
      if (mode === 'hang') return broker.freeze();
      await configure({ 'max.message.bytes': '10' }, (kind) => kind !== 'delivered');
    },
    async heal() {
      broker.thaw();
      await broker.start();
      await configure({}, (kind) => kind === 'delivered');
    },
    // Brokers slow a client down by answering later.
    unsupported: ['rate-limit'],
  });
  describe('records in a topic', recordTests);
  describe('topics', topicTests);
  describe('a broker that comes and goes', restartTests);
  describe('connections', connectionTests);
  describe('settings of kafka', settingsTests);
}

function recordTests(): void {
  test('a record is the message, with a key, and headers that say what it is', async () => {
    const topic = await newTopic();
    const destination = await open({ topic });
    const events = [
      deliveryEvent({ userId: 'u', anonymousId: 'a' }),
      deliveryEvent({ userId: 'u', anonymousId: null }),
      deliveryEvent({ userId: null, anonymousId: null }),
    ];
    assert.deepEqual(kindsOf(await deliver(destination, events)), Array(3).fill('delivered'));
    await deliver(destination, events.slice(0, 1), 'replay-7');
    const records = await broker.records(topic);
    const keys = ['a', 'u', undefined];
    for (const [at, event] of events.entries()) {
      const record = records.find(({ headers }) => headers['messageId'] === event.messageId);
      assert.deepEqual(JSON.parse(record?.value ?? ''), event.message);
      assert.equal(record?.key, keys[at]);
      assert.deepEqual(record?.headers, {
        messageId: event.messageId,
        'idempotency-key': event.idempotencyKey,
        source: 'shop',
      });
    }
    const replays = records.filter(({ headers }) => headers['replay'] !== undefined);
    assert.deepEqual(
      replays.map(({ headers }) => [headers['replay'], headers['messageId']]),
      [['replay-7', events[0]?.messageId]],
    );
  });

  test('events of a user are in one partition, in order', async () => {
    const topic = await newTopic();
    const destination = await open({ topic });
    const events = Array.from({ length: 90 }, (_, at) => deliveryEvent({ userId: `u${at % 7}` }));
    for (let at = 0; at < events.length; at += 30) {
      await deliver(destination, events.slice(at, at + 30));
    }
    const records = await broker.records(topic);
    assert.ok(new Set(records.map(({ partition }) => partition)).size > 1, 'more than one is used');
    for (let user = 0; user < 7; user++) {
      const own = records.filter(({ key }) => key === `u${user}`);
      assert.equal(new Set(own.map(({ partition }) => partition)).size, 1);
      const sent = events.filter(({ userId }) => userId === `u${user}`);
      assert.deepEqual(
        own.map(({ headers }) => headers['messageId']),
        sent.map(({ messageId }) => messageId),
      );
    }
  });

  test('keyBy chooses another key, or none', async () => {
    const topic = await newTopic();
    const [one, two] = deliveryEvents(2);
    assert.ok(one && two);
    await deliver(await open({ topic, keyBy: 'messageId' }), [one]);
    await deliver(await open({ topic, keyBy: 'none' }), [two]);
    const keys = new Map(
      (await broker.records(topic)).map(({ key, headers }) => [headers['messageId'], key]),
    );
    assert.equal(keys.get(one.messageId), one.messageId);
    assert.equal(keys.get(two.messageId), undefined);
  });

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    test(`compression ${compression} is understood`, async () => {
      const topic = await newTopic();
      const events = deliveryEvents(20);
      await deliver(await open({ topic, compression }), events);
      assert.equal((await broker.records(topic)).length, events.length);
    });
  }

  test('an event that is too large for the broker costs only itself', async () => {
    const topic = await newTopic(1);
    const noise = randomBytes(1_000_000).toString('base64');
    const huge = deliveryEvent({ message: { properties: { noise } } });
    const [before_, after_] = deliveryEvents(2);
    assert.ok(before_ && after_);
    const destination = await open({ topic, compression: 'none' });
    const outcomes = await deliver(destination, [before_, huge, after_]);
    assert.deepEqual(kindsOf(outcomes), ['delivered', 'dead', 'delivered']);
    assert.equal((await broker.records(topic)).length, 2);
  });

  test('more than the broker takes at once is sent in parts, in order', async () => {
    const topic = await newTopic(1);
    const noise = () => randomBytes(150_000).toString('base64');
    const events = Array.from({ length: 12 }, () =>
      deliveryEvent({ message: { properties: { noise: noise() } } }),
    );
    const outcomes = await deliver(await open({ topic, compression: 'none' }), events);
    assert.deepEqual(kindsOf(outcomes), Array(12).fill('delivered'));
    assert.deepEqual(
      (await broker.records(topic)).map(({ headers }) => headers['messageId']),
      events.map(({ messageId }) => messageId),
    );
  });
}

function topicTests(): void {
  test('placeholders name a topic for each source and type', async () => {
    const prefix = `events-${++topics}`;
    await broker.createTopic(`${prefix}.shop.track`, 1);
    await broker.createTopic(`${prefix}.shop.page`, 1);
    const track = deliveryEvent({ type: 'track' });
    const page = deliveryEvent({ type: 'page' });
    await deliver(await open({ topic: `${prefix}.{source}.{type}` }), [track, page]);
    const [first] = await broker.records(`${prefix}.shop.track`);
    assert.equal(first?.headers['messageId'], track.messageId);
    const [second] = await broker.records(`${prefix}.shop.page`);
    assert.equal(second?.headers['messageId'], page.messageId);
  });

  test('a topic that is missing is waited for, by its own events', async () => {
    const prefix = `missing-${++topics}`;
    await broker.createTopic(`${prefix}.track`, 1);
    const destination = await open({ topic: `${prefix}.{type}` });
    const events = [deliveryEvent({ type: 'page' }), deliveryEvent({ type: 'track' })];
    const [page, track] = await deliver(destination, events);
    assertRetry(page, 'BATCH_REFUSED', 'event');
    assert.match(JSON.stringify(page), /Unknown topic/);
    assert.equal(track?.kind, 'delivered');
    await broker.createTopic(`${prefix}.page`, 1);
    assert.deepEqual(kindsOf(await deliver(destination, events.slice(0, 1))), ['delivered']);
  });

  test('when it is the only topic, everything waits', async () => {
    const [outcome] = await deliver(await open({ topic: 'nowhere' }), deliveryEvents(1));
    assertRetry(outcome, 'BATCH_REFUSED', 'destination');
  });
}

function restartTests(): void {
  test('a killed broker costs no event and no order', async () => {
    const topic = await newTopic();
    const destination = await open({ topic });
    const events = Array.from({ length: 60 }, (_, at) => deliveryEvent({ userId: `u${at % 4}` }));
    const first = events.slice(0, 20);
    const second = events.slice(20, 40);
    assert.deepEqual(kindsOf(await deliver(destination, first)), Array(20).fill('delivered'));
    const underWay = deliver(destination, second);
    await broker.kill();
    const outcomes = await underWay;
    for (const outcome of await deliver(destination, second)) {
      assertRetry(outcome, 'NETWORK', 'destination');
    }
    await broker.start();
    if (outcomes.some(({ kind }) => kind !== 'delivered')) {
      assert.deepEqual(kindsOf(await deliver(destination, second)), Array(20).fill('delivered'));
    }
    await deliver(destination, events.slice(40));
    const records = distinct(await broker.records(topic));
    assert.equal(records.length, events.length);
    for (let user = 0; user < 4; user++) {
      const sent = events.filter(({ userId }) => userId === `u${user}`);
      const own = records.filter(({ key }) => key === `u${user}`);
      assert.deepEqual(
        own.map(({ headers }) => headers['messageId']),
        sent.map(({ messageId }) => messageId),
      );
    }
  });
}

function connectionTests(): void {
  const secure = async (sasl: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
    brokers: [`${KAFKA_TLS_NAME}:${broker.securePort}`],
    ssl: true,
    sslCertificateAuthority: await readFile(KAFKA_TLS_CERTIFICATE, 'utf8'),
    sasl: { username: KAFKA_USER, password: KAFKA_PASSWORD, ...sasl },
    ...more,
  });

  test('a broker that the others name is judged too', async () => {
    const destination = await open({ brokers: [`127.0.0.1:${broker.elsewherePort}`] });
    const [outcome] = await deliver(destination, deliveryEvents(1));
    assertRetry(outcome, 'ADDRESS_REFUSED', 'destination');
    assert.match(JSON.stringify(outcome), /localhost/);
  });

  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
    test(`a login over TLS with ${mechanism}`, async () => {
      const topic = await newTopic();
      const destination = await open(await secure({ mechanism }, { topic }), namedNet);
      assert.deepEqual(kindsOf(await deliver(destination, deliveryEvents(3))), [
        'delivered',
        'delivered',
        'delivered',
      ]);
      assert.equal((await broker.records(topic)).length, 3);
    });

    test(`a wrong password with ${mechanism} is CREDENTIALS_REFUSED`, async () => {
      const settings = await secure({ mechanism, password: 'not-the-passw0rd' });
      const destination = await open(settings, namedNet);
      const [outcome] = await deliver(destination, deliveryEvents(1));
      assertRetry(outcome, 'CREDENTIALS_REFUSED', 'destination');
      assert.doesNotMatch(JSON.stringify(outcome), /not-the-passw0rd/);
    });
  }

  test('a certificate of nobody is not trusted', async () => {
    const settings = await secure({ mechanism: 'plain' }, { sslCertificateAuthority: null });
    const [outcome] = await deliver(await open(settings, namedNet), deliveryEvents(1));
    assertRetry(outcome, 'NETWORK', 'destination');
    assert.match(JSON.stringify(outcome), /certificate/);
  });

  test('the test of the settings finds the topic, or says what is wrong', async () => {
    const topic = await newTopic();
    await (await open({ topic })).test?.(NO_SIGNAL);
    const wrong = await open({ topic: 'nowhere' });
    await assert.rejects(
      async () => wrong.test?.(NO_SIGNAL),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'DESTINATION_TEST_FAILED' &&
        error.message.includes('nowhere'),
    );
  });
}

function settingsTests(): void {
  const parse = (over: Record<string, unknown>) =>
    kafka.parseSettings({ brokers: ['kafka.example.com'], topic: 'events', ...over }, context.net);

  test('a broker is a host with a port, 9092 when it has none', () => {
    const brokers = ['kafka.example.com', 'b.example.com:19092', '[2001:4860:4860::8888]:9093'];
    assert.deepEqual((parse({ brokers }) as { brokers: unknown }).brokers, [
      { host: 'kafka.example.com', port: 9092 },
      { host: 'b.example.com', port: 19092 },
      { host: '2001:4860:4860::8888', port: 9093 },
    ]);
  });

  const wrong: [field: string, over: Record<string, unknown>][] = [
    ['brokers', { brokers: [] }],
    ['brokers', { brokers: ['10.0.0.1:9092'] }],
    ['brokers', { brokers: ['169.254.169.254:80'] }],
    ['brokers', { brokers: ['a:b:c'] }],
    ['brokers', { brokers: ['kafka.example.com:99999'] }],
    ['topic', { topic: 'my topic' }],
    ['topic', { topic: '{user}' }],
    ['topic', { topic: 'x'.repeat(200) + '{source}' }],
    ['topic', { topic: '..' }],
    ['sasl.mechanism', { sasl: { mechanism: 'gssapi', username: 'a', password: 'b' } }],
    ['sasl.password', { sasl: { mechanism: 'plain', username: 'a', password: '' } }],
    ['keyBy', { keyBy: 'email' }],
    ['compression', { compression: 'brotli' }],
    ['colour', { colour: 'red' }],
  ];
  for (const [field, over] of wrong) {
    test(`${JSON.stringify(over).slice(0, 80)} is refused by its field`, () => {
      assert.throws(
        () => parse(over),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'DESTINATION_INVALID' &&
          error.field === field,
      );
    });
  }
}
