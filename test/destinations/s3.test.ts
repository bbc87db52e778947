/** S3 against s3rver behind a check of signatures; what it stores is read back by DuckDB. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import duckdb from '@duckdb/node-api';
import { MillraceError } from '../../src/base/errors.ts';
import type {
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import { s3 } from '../../src/destinations/s3/s3.ts';
import { parseS3Settings } from '../../src/destinations/s3/s3-settings.ts';
import { EVENT_COLUMNS } from '../../src/lake/lake-columns.ts';
import {
  batchOf,
  deliveryEvent,
  deliveryEvents,
  destinationContext,
} from '../support/delivery-events.ts';
import { S3_BUCKET, S3_KEY_ID, S3_SECRET, startS3Server } from '../support/s3-server.ts';
import type { S3Fault, S3Server } from '../support/s3-server.ts';
import { runContractSuite } from './contract-suite.ts';
import type { DestinationHarness } from './contract-suite.ts';

const NO_SIGNAL = new AbortController().signal;
const DAY_MS = 86_400_000;
const TIMES = ['timestamp', 'received_at', 'sent_at', 'original_timestamp'] as const;

let server: S3Server;
let context: DestinationContext;
let closeContext: () => Promise<void>;
let reader: duckdb.DuckDBConnection;
let folder: string;

before(async () => {
  server = await startS3Server();
  ({ context, close: closeContext } = await destinationContext());
  reader = await (await duckdb.DuckDBInstance.create(':memory:')).connect();
  folder = await mkdtemp(join(tmpdir(), 'millrace-s3-read-'));
});
after(async () => {
  reader.closeSync();
  await rm(folder, { recursive: true, force: true });
  await closeContext();
  await server.close();
});

function settings(over: Record<string, unknown> = {}) {
  return {
    bucket: S3_BUCKET,
    region: 'eu-central-1',
    endpoint: server.url,
    prefix: 'archive/my data',
    accessKeyId: S3_KEY_ID,
    secretAccessKey: S3_SECRET,
    ...over,
  };
}

function open(over: Record<string, unknown> = {}): Promise<Destination> {
  return s3.open(s3.parseSettings(settings(over), context.net), context);
}

/** Rows of a Parquet object, with times in milliseconds. */
async function rowsOf(body: Buffer): Promise<Record<string, unknown>[]> {
  const path = join(folder, 'read.parquet');
  await writeFile(path, body);
  const times = TIMES.map((name) => `epoch_ms("${name}")::double as "${name}"`).join(', ');
  const read = await reader.runAndReadAll(
    `select * replace (${times}, "position"::double as "position") from read_parquet('${path}')`,
  );
  return read.getRowObjectsJson();
}

function linesOf(body: Buffer): Record<string, unknown>[] {
  const text = gunzipSync(body).toString('utf8');
  assert.ok(text.endsWith('\n'));
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function objectsBelow(part: string): Promise<[string, Buffer][]> {
  return [...(await server.objects())].filter(([key]) => key.startsWith(`archive/my data/${part}`));
}

const FAULTS: Record<string, S3Fault> = {
  down: { status: 503, code: 'ServiceUnavailable' },
  refuse: { status: 403, code: 'AccessDenied' },
  hang: 'hang',
  'rate-limit': { status: 503, code: 'SlowDown' },
};

function harness(format: string): DestinationHarness {
  let reachedBefore = 0;
  return {
    open: () => open({ format }),
    async received() {
      if (format === 'segment-logs') {
        const logs = await objectsBelow('segment-logs/');
        return logs.flatMap(([, body]) => linesOf(body) as { messageId: string }[]);
      }
      const messages: { messageId: string }[] = [];
      for (const [, body] of await objectsBelow('events/')) {
        for (const row of await rowsOf(body)) {
          messages.push({ messageId: String(row['message_id']) });
        }
      }
      return messages;
    },
    fail(mode) {
      reachedBefore = server.requests.length;
      server.faultOf = () => FAULTS[mode] ?? null;
    },
    heal: () => void (server.faultOf = () => null),
    isReached: () => server.requests.length > reachedBefore,
  };
}

runContractSuite('s3, Parquet', harness('parquet'));
runContractSuite('s3, segment-logs', harness('segment-logs'));

/** What a row has to say of an event. */
function expectedRow({ message, ...event }: DeliveryEvent): Record<string, unknown> {
  const json = (key: string) => (key in message ? JSON.stringify(message[key]) : null);
  const text = (key: string) => message[key] ?? null;
  const time = (key: string) => Date.parse(String(message[key]));
  const isView = event.type === 'page' || event.type === 'screen';
  return {
    region: 'us',
    source: event.sourceSlug,
    source_id: event.sourceId,
    environment: null,
    type: event.type,
    event: text('event'),
    name: isView ? text('name') : null,
    category: null,
    user_id: event.userId,
    anonymous_id: event.anonymousId,
    group_id: text('groupId'),
    previous_id: text('previousId'),
    message_id: event.messageId,
    timestamp: event.timestampMs,
    original_timestamp: time('originalTimestamp'),
    sent_at: time('sentAt'),
    received_at: event.receivedAtMs,
    channel: 'server',
    properties: json('properties'),
    traits: json('traits'),
    context: json('context'),
    integrations: '{}',
    metadata: null,
    extra: null,
    partition: event.partition,
    position: event.position,
    index: event.index,
  };
}

describe('objects in the bucket', () => {
  test('Parquet has the columns of the lake and a row for each event', async () => {
    const batch = batchOf(deliveryEvents(60));
    await (await open()).deliver(batch, NO_SIGNAL);
    const [range] = batch.ranges;
    const name = `us-0-${range?.from}-${range?.to}.parquet`;
    const key = `archive/my data/events/day=2026-03-04/source=shop/${name}`;
    const rows = await rowsOf((await server.objects()).get(key) ?? Buffer.alloc(0));
    assert.deepEqual(Object.keys(rows[0] ?? {}), Object.keys(EVENT_COLUMNS));
    assert.deepEqual(rows, batch.events.map(expectedRow));
  });

  test('segment-logs has whole messages, in a folder for each source and day', async () => {
    const batch = batchOf(deliveryEvents(6));
    await (await open({ format: 'segment-logs' })).deliver(batch, NO_SIGNAL);
    const [range] = batch.ranges;
    const dayMs = Date.parse('2026-03-04T00:00:00Z');
    const key = `archive/my data/segment-logs/source-7/${dayMs}/us-0-${range?.from}-${range?.to}.gz`;
    const lines = linesOf((await server.objects()).get(key) ?? Buffer.alloc(0));
    assert.deepEqual(
      lines,
      batch.events.map(({ message }) => message),
    );
  });

  test('sources, days and partitions have objects of their own', async () => {
    const [one, two, three, four] = deliveryEvents(4);
    assert.ok(one && two && three && four);
    const events: DeliveryEvent[] = [
      one,
      { ...two, sourceId: 'source-8', sourceSlug: 'app' },
      { ...three, receivedAtMs: three.receivedAtMs + DAY_MS },
      { ...four, partition: 'us-1', position: 5 },
    ];
    const ranges = [
      { partition: 'us-0', from: one.position, to: three.position + 9 },
      { partition: 'us-1', from: 2, to: 7 },
    ];
    const earlier = new Set((await server.objects()).keys());
    const destination = await open({ format: 'both', prefix: '' });
    await destination.deliver({ ...batchOf(events), ranges }, NO_SIGNAL);
    const place = `us-0-${one.position}-${three.position + 9}`;
    const day = Date.parse('2026-03-04T00:00:00Z');
    const keys = [...(await server.objects()).keys()].filter((key) => !earlier.has(key));
    assert.deepEqual(keys.sort(), [
      `events/day=2026-03-04/source=app/${place}.parquet`,
      `events/day=2026-03-04/source=shop/${place}.parquet`,
      'events/day=2026-03-04/source=shop/us-1-2-7.parquet',
      `events/day=2026-03-05/source=shop/${place}.parquet`,
      `segment-logs/source-7/${day}/${place}.gz`,
      `segment-logs/source-7/${day}/us-1-2-7.gz`,
      `segment-logs/source-7/${day + DAY_MS}/${place}.gz`,
      `segment-logs/source-8/${day}/${place}.gz`,
    ]);
  });

  test('a batch that comes again writes the same bytes over the same objects', async () => {
    const batch = batchOf(deliveryEvents(200));
    await (await open({ format: 'both' })).deliver(batch, NO_SIGNAL);
    const first = await server.objects();
    const again = batch.events.map((event) => ({ ...event, attempts: 3 }));
    await (await open({ format: 'both' })).deliver({ ...batch, events: again }, NO_SIGNAL);
    assert.deepEqual(await server.objects(), first);
  });

  test('a replay of a part leaves what live delivery wrote', async () => {
    const batch = batchOf(deliveryEvents(4));
    const destination = await open();
    await destination.deliver(batch, NO_SIGNAL);
    const live = await server.objects();
    const replay = { ...batch, events: batch.events.slice(1, 2), replayId: 'r-1' };
    await destination.deliver(replay, NO_SIGNAL);
    const all = await server.objects();
    assert.equal(all.size, live.size + 1);
    for (const [key, body] of live) assert.deepEqual(all.get(key), body);
  });

  test('an event that cannot be written costs only itself', async () => {
    let inner: unknown = 1;
    for (let at = 0; at < 20_000; at++) inner = [inner];
    const deep = deliveryEvent();
    const message = Object.freeze({ ...deep.message, properties: Object.freeze({ inner }) });
    const [fine, other] = deliveryEvents(2);
    assert.ok(fine && other);
    const events = [fine, { ...deep, message }, other];
    const outcomes = await (await open()).deliver(batchOf(events), NO_SIGNAL);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'dead', 'delivered'],
    );
  });

  test('no temporary file stays', async () => {
    await (await open({ format: 'both' })).deliver(batchOf(deliveryEvents(9)), NO_SIGNAL);
    assert.deepEqual(await readdir(context.temporaryFolder), []);
  });
});

describe('what the service says', () => {
  beforeEach(() => {
    server.faultOf = () => null;
  });
  after(() => {
    server.faultOf = () => null;
  });

  async function outcomeOf(over: Record<string, unknown> = {}) {
    const [outcome] = await (await open(over)).deliver(batchOf(deliveryEvents(2)), NO_SIGNAL);
    assert.ok(outcome);
    return outcome;
  }

  function assertRetry(outcome: DeliveryOutcome, reason: string, code: string): void {
    assert.equal(outcome.kind, 'retry', JSON.stringify(outcome));
    assert.equal(outcome.kind === 'retry' && outcome.scope, 'destination');
    assert.equal(outcome.kind === 'retry' && outcome.reason, reason);
    assert.match(JSON.stringify(outcome), new RegExp(code));
  }

  test('a wrong secret or key id is CREDENTIALS_REFUSED', async () => {
    const secret = await outcomeOf({ secretAccessKey: 'another' });
    assertRetry(secret, 'CREDENTIALS_REFUSED', 'SignatureDoesNotMatch');
    const id = await outcomeOf({ accessKeyId: 'NOBODY' });
    assertRetry(id, 'CREDENTIALS_REFUSED', 'InvalidAccessKeyId');
  });

  test('so is what S3 answers to old credentials with another status', async () => {
    server.faultOf = () => ({ status: 400, code: 'ExpiredToken' });
    assertRetry(await outcomeOf(), 'CREDENTIALS_REFUSED', 'ExpiredToken');
  });

  test('a bucket that does not exist is waited for', async () => {
    assertRetry(await outcomeOf({ bucket: 'nobucket' }), 'HTTP_STATUS', 'NoSuchBucket');
  });

  test('SlowDown is waited out', async () => {
    server.faultOf = () => ({ status: 503, code: 'SlowDown' });
    assertRetry(await outcomeOf(), 'RATE_LIMITED', 'SlowDown');
  });

  test('an error never repeats the session token', async () => {
    server.faultOf = ({ headers }) => {
      return { status: 400, code: `Other</Code><Echo>${headers['x-amz-security-token']}</Echo>` };
    };
    const outcome = await outcomeOf({ sessionToken: 'token-of-mine' });
    assert.equal(server.requests.at(-1)?.headers['x-amz-security-token'], 'token-of-mine');
    assert.doesNotMatch(JSON.stringify(outcome), /token-of-mine/);
  });

  for (const failing of ['events/', 'segment-logs/']) {
    test(`when ${failing} fails the batch waits, and is whole afterwards`, async () => {
      const batch = batchOf(deliveryEvents(8));
      const destination = await open({ format: 'both' });
      const earlier = await server.objects();
      server.faultOf = ({ key }) =>
        key.includes(failing) ? { status: 500, code: 'InternalError' } : null;
      for (const outcome of await destination.deliver(batch, NO_SIGNAL)) {
        assertRetry(outcome, 'HTTP_STATUS', 'InternalError');
      }
      const partly = await server.objects();
      server.faultOf = () => null;
      const outcomes = await destination.deliver(batch, NO_SIGNAL);
      assert.ok(outcomes.every(({ kind }) => kind === 'delivered'));
      const whole = await server.objects();
      assert.equal(whole.size, earlier.size + 2);
      for (const [key, body] of partly) assert.deepEqual(whole.get(key), body);
    });
  }

  test('an answer that is lost costs nothing but time', async () => {
    const batch = batchOf(deliveryEvents(5));
    const destination = await open();
    server.faultOf = () => 'lost-answer';
    assertRetry((await destination.deliver(batch, NO_SIGNAL))[0] as DeliveryOutcome, 'NETWORK', '');
    const stored = await server.objects();
    server.faultOf = () => null;
    await destination.deliver(batch, NO_SIGNAL);
    assert.deepEqual(await server.objects(), stored);
  });

  test('the test of the settings leaves nothing behind, and names the code of a refusal', async () => {
    const earlier = await server.objects();
    await (await open()).test?.(NO_SIGNAL);
    assert.deepEqual(
      server.requests.slice(-2).map(({ method }) => method),
      ['PUT', 'DELETE'],
    );
    assert.deepEqual(await server.objects(), earlier);
    const wrong = await open({ secretAccessKey: 'another' });
    await assert.rejects(
      async () => wrong.test?.(NO_SIGNAL),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'DESTINATION_TEST_FAILED' &&
        error.message.includes('SignatureDoesNotMatch'),
    );
  });
});

describe('settings of s3', () => {
  const bucketUrl = (over: Record<string, unknown>) =>
    parseS3Settings({ ...settings({ endpoint: null, bucket: 'lake' }), ...over }, context.net)
      .bucketUrl;

  test('a bucket is named in the host at Amazon, and in the path elsewhere', () => {
    assert.equal(bucketUrl({}), 'https://lake.s3.eu-central-1.amazonaws.com');
    assert.equal(
      bucketUrl({ region: 'cn-north-1' }),
      'https://lake.s3.cn-north-1.amazonaws.com.cn',
    );
    assert.equal(bucketUrl({ bucket: 'a.b' }), 'https://s3.eu-central-1.amazonaws.com/a.b');
    const endpoint = 'https://s3.example.com/base/';
    assert.equal(bucketUrl({ endpoint }), 'https://s3.example.com/base/lake');
    assert.equal(
      bucketUrl({ endpoint, forcePathStyle: false }),
      'https://lake.s3.example.com/base',
    );
  });

  const wrong: [field: string, over: Record<string, unknown>][] = [
    ['bucket', { bucket: '../other' }],
    ['region', { region: 'evil.example/' }],
    ['endpoint', { endpoint: 'http://10.0.0.1' }],
    ['endpoint', { endpoint: 'http://169.254.169.254' }],
    ['endpoint', { endpoint: 'ftp://files.example.com' }],
    ['endpoint', { endpoint: 'https://user:pass@s3.example.com' }],
    ['prefix', { prefix: 'a/../b' }],
    ['prefix', { prefix: '/a' }],
    ['accessKeyId', { accessKeyId: 'a b' }],
    ['secretAccessKey', { secretAccessKey: '' }],
    ['format', { format: 'csv' }],
    ['colour', { colour: 'red' }],
  ];
  for (const [field, over] of wrong) {
    test(`${JSON.stringify(over)} is refused by its field`, () => {
      assert.throws(
        () => bucketUrl(over),
        (error) =>
          error instanceof MillraceError &&
          error.code === 'DESTINATION_INVALID' &&
          error.field === field &&
          !error.message.includes('pass@'),
      );
    });
  }
});
