/** NATS JetStream: a real server, which is killed, frozen, filled, and asked for a login. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DiscardPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { connect, nkeys } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { toolchain } from '../../scripts/toolchains.ts';
import { systemClock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import type {
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { nats } from '../../src/destinations/nats/nats.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import type { Net } from '../../src/net/net.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
} from '../support/delivery-events.ts';
import { startNatsServer } from '../support/nats-server.ts';
import type { NatsServer } from '../support/nats-server.ts';
import { ROOT } from '../support/test-server.ts';
import { runContractSuite } from './contract-suite.ts';

const NO_SIGNAL = new AbortController().signal;
const CERTIFICATE = join(ROOT, 'test/fixtures/tls/first-cert.pem');
const CERTIFICATE_KEY = join(ROOT, 'test/fixtures/tls/first-key.pem');
const CERTIFICATE_NAME = 'first.millrace.test';
const found = await toolchain('nats');

let server: NatsServer;
let context: DestinationContext;
let closeContext: () => Promise<void>;
const closers: (() => Promise<unknown>)[] = [];
let streams = 0;

async function open(
  over: Record<string, unknown> = {},
  net: Net = context.net,
): Promise<Destination> {
  const given = { servers: [`127.0.0.1:${server.port}`], subject: 'contract.{type}', ...over };
  const destination = await nats.open(nats.parseSettings(given, net), { ...context, net });
  closers.unshift(() => destination.close());
  return destination;
}

async function withManager<T>(
  use: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const connection = await connect({ servers: `127.0.0.1:${server.port}`, reconnect: false });
  try {
    return await use(await jetstreamManager(connection), connection);
  } finally {
    await connection.close();
  }
}

/** A stream of its own for subjects that begin with its name. */
async function newStream(): Promise<string> {
  const name = `stream-${++streams}`;
  await withManager((manager) => manager.streams.add({ name, subjects: [`${name}.>`] }));
  return name;
}

async function storedIn(stream: string): Promise<StoredMsg[]> {
  return withManager(async (manager, connection) => {
    const { state } = await manager.streams.info(stream);
    const stored: StoredMsg[] = [];
    if (state.messages === 0) return stored;
    const { streams: api } = jetstream(connection);
    const opened = await api.get(stream);
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await opened.getMessage({ seq });
      if (message) stored.push(message);
    }
    return stored;
  });
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
  assert.deepEqual(
    outcome?.kind === 'retry' && { reason: outcome.reason, scope: outcome.scope },
    { reason, scope },
    JSON.stringify(outcome),
  );
}

if (!found.ok) {
  test('nats', { skip: found.reason }, () => undefined);
} else {
  const { server: program } = found;
  before(async () => {
    server = await startNatsServer(program);
    ({ context, close: closeContext } = await destinationContext());
    await withManager((manager) =>
      manager.streams.add({ name: 'contract', subjects: ['contract.*'] }),
    );
  });
  after(async () => {
    for (const close of closers) await close();
    await server?.close();
    await closeContext?.();
  });
  suite(program);
}

/** Limits of the stream under which it stores nothing more. */
const LIMITS = {
  refuse: { max_msg_size: 1 },
  'rate-limit': { max_bytes: 1, discard: DiscardPolicy.New },
};
const NO_LIMITS = { max_msg_size: -1, max_bytes: -1, discard: DiscardPolicy.Old };

function suite(program: string): void {
  runContractSuite('nats', {
    open,
    received: async () =>
      (await storedIn('contract')).map(({ header }) => ({
        messageId: header.get('message-id'),
      })),
    async fail(mode) {
      if (mode === 'down') return server.kill();
      if (mode === 'hang') return server.freeze();
      await withManager((manager) => manager.streams.update('contract', LIMITS[mode]));
    },
    async heal() {
      server.thaw();
      await server.start();
      await withManager((manager) => manager.streams.update('contract', NO_LIMITS));
    },
  });
  describe('messages in a stream', messageTests);
  describe('streams', streamTests);
  describe('a server that comes and goes', restartTests);
  describe('logins', () => loginTests(program));
  describe('settings of nats', settingsTests);
}

function messageTests(): void {
  test('a message is the event, on a subject of its source and type, once', async () => {
    const stream = await newStream();
    const destination = await open({ subject: `${stream}.{source}.{type}` });
    const [track, page] = [deliveryEvent({ type: 'track' }), deliveryEvent({ type: 'page' })];
    assert.deepEqual(kindsOf(await deliver(destination, [track, page])), [
      'delivered',
      'delivered',
    ]);
    assert.deepEqual(kindsOf(await deliver(destination, [page])), ['delivered']);
    const stored = await storedIn(stream);
    const bySubject = new Map(stored.map((message) => [message.subject, message]));
    assert.equal(stored.length, 2);
    for (const event of [track, page]) {
      const message = bySubject.get(`${stream}.shop.${event.type}`);
      assert.deepEqual(message?.json(), event.message);
      assert.equal(message?.header.get('Nats-Msg-Id'), event.idempotencyKey);
      assert.equal(message?.header.get('message-id'), event.messageId);
      assert.equal(message?.header.get('source'), 'shop');
      assert.equal(message?.header.get('replay'), '');
    }
  });

  test('a replay is stored beside what it repeats, and says that it is one', async () => {
    const stream = await newStream();
    const destination = await open({ subject: `${stream}.all` });
    const event = deliveryEvent();
    await deliver(destination, [event]);
    await deliver(destination, [{ ...event, idempotencyKey: 'f'.repeat(32) }], 'replay-7');
    const replays = (await storedIn(stream)).map(({ header }) => header.get('replay'));
    assert.deepEqual(replays, ['', 'replay-7']);
  });

  test('a message id that is no line of text is no way into the headers', async () => {
    const stream = await newStream();
    const event = deliveryEvent({ messageId: 'a\r\nNats-Expected-Stream: other\r\n\r\nb' });
    const destination = await open({ subject: `${stream}.all` });
    assert.deepEqual(kindsOf(await deliver(destination, [event])), ['delivered']);
    const [message] = await storedIn(stream);
    assert.deepEqual(message?.json(), event.message);
  });

  test('a slug with a meaning in subjects has none', async () => {
    const stream = await newStream();
    const event = { ...deliveryEvent(), sourceSlug: 'a.b>c*' };
    await deliver(await open({ subject: `${stream}.{source}` }), [event]);
    assert.equal((await storedIn(stream))[0]?.subject, `${stream}.a_b_c_`);
  });

  test('events of a user are stored in order', async () => {
    const stream = await newStream();
    const destination = await open({ subject: `${stream}.all` });
    const events = Array.from({ length: 90 }, (_, at) => deliveryEvent({ userId: `u${at % 7}` }));
    await deliver(destination, events);
    const stored = (await storedIn(stream)).map((message) => message.json<{ userId: string }>());
    for (let user = 0; user < 7; user++) {
      const sent = events.filter(({ userId }) => userId === `u${user}`);
      const own = stored.filter(({ userId }) => userId === `u${user}`);
      assert.deepEqual(
        own,
        sent.map(({ message }) => message),
      );
    }
  });

  test('an event that is too large for the server costs only itself', async () => {
    const stream = await newStream();
    const huge = deliveryEvent({ message: { properties: { text: 'x'.repeat(1_100_000) } } });
    const [first, last] = deliveryEvents(2);
    assert.ok(first && last);
    const destination = await open({ subject: `${stream}.all` });
    const outcomes = await deliver(destination, [first, huge, last]);
    assert.deepEqual(kindsOf(outcomes), ['delivered', 'dead', 'delivered']);
  });
}

function streamTests(): void {
  test('a stream is created when it is asked for, and left alone when it is there', async () => {
    const stream = `created-${++streams}`;
    const over = { subject: `${stream}.x-{source}.{type}`, stream, createStream: true };
    await deliver(await open({ ...over, duplicateWindowMinutes: 30 }), deliveryEvents(2));
    await deliver(await open({ ...over, duplicateWindowMinutes: 90 }), deliveryEvents(2));
    const { config, state } = await withManager((manager) => manager.streams.info(stream));
    assert.deepEqual(config.subjects, [`${stream}.*.*`]);
    assert.equal(config.duplicate_window, 30 * 60 * 1e9);
    assert.equal(state.messages, 4);
  });

  test('without a stream for its subject an event waits', async () => {
    const one = await open({ subject: 'nowhere.all' });
    assertRetry((await deliver(one, deliveryEvents(1)))[0], 'BATCH_REFUSED', 'destination');
    const each = await open({ subject: 'nowhere.{type}' });
    assertRetry((await deliver(each, deliveryEvents(1)))[0], 'BATCH_REFUSED', 'event');
  });

  test('what waits holds back later events of its user, and nobody else', async () => {
    const stream = await newStream();
    await withManager((manager) =>
      manager.streams.update(stream, { subjects: [`${stream}.page`] }),
    );
    const destination = await open({ subject: `${stream}.{type}` });
    const outcomes = await deliver(destination, [
      deliveryEvent({ type: 'track', userId: 'one' }),
      deliveryEvent({ type: 'page', userId: 'one' }),
      deliveryEvent({ type: 'page', userId: 'two' }),
    ]);
    assert.deepEqual(kindsOf(outcomes), ['retry', 'retry', 'delivered']);
  });

  test('another stream than the one that is named must not take it', async () => {
    const stream = await newStream();
    const destination = await open({ subject: `${stream}.all`, stream: 'contract' });
    assertRetry((await deliver(destination, deliveryEvents(1)))[0], 'BATCH_REFUSED', 'destination');
    assert.deepEqual(await storedIn(stream), []);
  });

  test('the test of the settings asks for the stream', async () => {
    await (await open({ stream: 'contract' })).test?.(NO_SIGNAL);
    await (await open()).test?.(NO_SIGNAL);
    const wrong = await open({ stream: 'nowhere' });
    await assert.rejects(
      async () => wrong.test?.(NO_SIGNAL),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'DESTINATION_TEST_FAILED' &&
        error.message.includes('stream not found'),
    );
  });
}

function restartTests(): void {
  test('a killed server costs no event, and what it had stored is not stored again', async () => {
    const stream = await newStream();
    const destination = await open({ subject: `${stream}.all` });
    const events = Array.from({ length: 200 }, (_, at) => deliveryEvent({ userId: `u${at % 9}` }));
    const underWay = deliver(destination, events);
    await server.kill();
    await underWay;
    assertRetry((await deliver(destination, events))[0], 'NETWORK', 'destination');
    await server.start();
    assert.deepEqual(kindsOf(await deliver(destination, events)), Array(200).fill('delivered'));
    const stored = (await storedIn(stream)).map(({ header }) => header.get('message-id'));
    assert.equal(stored.length, events.length);
    assert.equal(new Set(stored).size, events.length);
  });

  test('the next server is tried when one does not answer', async () => {
    const stream = await newStream();
    const servers = ['127.0.0.1:9', `127.0.0.1:${server.port}`];
    const destination = await open({ servers, subject: `${stream}.all` });
    assert.deepEqual(kindsOf(await deliver(destination, deliveryEvents(1))), ['delivered']);
  });
}

function loginTests(program: string): void {
  const started = async (configuration: string): Promise<Record<string, unknown>> => {
    const own = await startNatsServer(program, configuration);
    closers.push(() => own.close());
    const servers = [`127.0.0.1:${own.port}`];
    return { servers, subject: 'in.all', stream: 'in', createStream: true };
  };
  const outcomeWith = async (over: Record<string, unknown>, net?: Net) =>
    (await deliver(await open(over, net), deliveryEvents(1)))[0];

  test('a token', async () => {
    const settings = await started('authorization { token: "s3cret" }');
    assert.equal((await outcomeWith({ ...settings, token: 's3cret' }))?.kind, 'delivered');
    for (const wrong of [{ token: 'another' }, {}]) {
      const outcome = await outcomeWith({ ...settings, ...wrong });
      assertRetry(outcome, 'CREDENTIALS_REFUSED', 'destination');
    }
  });

  test('a user and a password, and what the user may not', async () => {
    const users = [
      '{ user: "ada", password: "s3cret" }',
      '{ user: "eve", password: "s3cret", permissions: { publish: ["$JS.API.>"] } }',
    ];
    const settings = await started(`authorization { users: [${users.join()}] }`);
    const login = { user: 'ada', password: 's3cret' };
    assert.equal((await outcomeWith({ ...settings, ...login }))?.kind, 'delivered');
    for (const wrong of [{ password: 'another' }, { user: 'eve' }]) {
      const outcome = await outcomeWith({ ...settings, ...login, ...wrong });
      assertRetry(outcome, 'CREDENTIALS_REFUSED', 'destination');
    }
  });

  test('a credentials file', async () => {
    const operator = nkeys.createOperator();
    const [system, account, user] = [
      nkeys.createAccount(),
      nkeys.createAccount(),
      nkeys.createUser(),
    ];
    const limits = { subs: -1, conn: -1, data: -1, payload: -1, imports: -1, exports: -1 };
    const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const accounts = [
      [system, claim('account', operator, system, { limits })],
      [account, claim('account', operator, account, { limits: { ...limits, ...storage } })],
    ] as const;
    const preload = accounts.map(([key, token]) => `${key.getPublicKey()}: ${token}`);
    const settings = await started(`
      operator: ${claim('operator', operator, operator, {})}
      system_account: ${system.getPublicKey()}
      resolver: MEMORY
      resolver_preload: { ${preload.join(', ')} }`);
    const token = claim('user', account, user, { subs: -1, data: -1, payload: -1 });
    const file = (seed: Uint8Array): string =>
      `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n\n` +
      `-----BEGIN USER NKEY SEED-----\n${Buffer.from(seed)}\n------END USER NKEY SEED------\n`;
    const credentials = file(user.getSeed());
    const right = await outcomeWith({ ...settings, credentials });
    assert.equal(right?.kind, 'delivered', JSON.stringify(right));
    const wrong = file(nkeys.createUser().getSeed());
    const outcome = await outcomeWith({ ...settings, credentials: wrong });
    assertRetry(outcome, 'CREDENTIALS_REFUSED', 'destination');
  });

  test('TLS proves the name of the settings; nothing is sent without it', async () => {
    const files = `cert_file: "${CERTIFICATE}", key_file: "${CERTIFICATE_KEY}"`;
    const { servers, ...settings } = await started(`tls { ${files} }`);
    const net = createNet({
      settings: netSchema.parse({ allow: [CERTIFICATE_NAME, 'other.millrace.test'] }),
      clock: systemClock,
      lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    closers.push(() => net.close());
    const port = String(servers).split(':')[1];
    const secure = {
      ...settings,
      servers: [`${CERTIFICATE_NAME}:${port}`],
      tls: true,
      tlsCertificateAuthority: await readFile(CERTIFICATE, 'utf8'),
    };
    assert.equal((await outcomeWith(secure, net))?.kind, 'delivered');
    const wrongs = [
      { tlsCertificateAuthority: null },
      { servers: [`other.millrace.test:${port}`] },
      { servers: [`${CERTIFICATE_NAME}:${server.port}`] },
    ];
    for (const wrong of wrongs) {
      assertRetry(await outcomeWith({ ...secure, ...wrong }, net), 'NETWORK', 'destination');
    }
  });

  test('a name that leads to a private address is refused when it is connected to', async () => {
    const net = createNet({
      settings: netSchema.parse({}),
      clock: systemClock,
      lookup: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    closers.push(() => net.close());
    const servers = [`rebound.example.com:${server.port}`];
    assertRetry(await outcomeWith({ servers }, net), 'ADDRESS_REFUSED', 'destination');
  });
}

/** A token as operators of NATS sign them. */
function claim(type: string, by: nkeys.KeyPair, of: nkeys.KeyPair, rules: object): string {
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const sub = of.getPublicKey();
  const claims = { jti: type, iat: 1_772_600_000, iss: by.getPublicKey(), sub, name: type };
  const text = [
    encoded({ typ: 'JWT', alg: 'ed25519-nkey' }),
    encoded({ ...claims, nats: { ...rules, type, version: 2 } }),
  ].join('.');
  return `${text}.${Buffer.from(by.sign(Buffer.from(text))).toString('base64url')}`;
}

function settingsTests(): void {
  const wrong: [field: string, over: Record<string, unknown>][] = [
    ['servers', { servers: [] }],
    ['servers', { servers: ['10.0.0.1'] }],
    ['servers', { servers: ['nats://nats.example.com'] }],
    ['subject', { subject: 'events.*' }],
    ['subject', { subject: 'events..x' }],
    ['subject', { subject: '$JS.API.{type}' }],
    ['subject', { subject: 'events.{user}' }],
    ['stream', { createStream: true }],
    ['stream', { stream: 'a.b' }],
    ['user', { token: 'a', user: 'b', password: 'c' }],
    ['password', { user: 'b' }],
    ['colour', { colour: 'red' }],
  ];
  for (const [field, over] of wrong) {
    test(`${JSON.stringify(over)} is refused by its field`, () => {
      assert.throws(
        () => nats.parseSettings({ servers: ['nats.example.com'], ...over }, context.net),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'DESTINATION_INVALID' &&
          error.field === field,
      );
    });
  }
}
