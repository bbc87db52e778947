/**
 * The main promise, whole: a real SDK sends, four destinations of four kinds receive; all of them
 * break, the server is killed meanwhile, they come back, and nothing is missing anywhere.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Analytics } from '@segment/analytics-node';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { S3_BUCKET, S3_KEY_ID, S3_SECRET, startS3Server } from '../support/s3-server.ts';
import type { S3Server } from '../support/s3-server.ts';
import { WRITE_KEY, startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const PART = 150;
const ARRIVAL_MS = 90_000;

test(
  'a webhook, a Segment action, PostgreSQL and S3 break, and lose nothing',
  { skip: postgresSkip() },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-breaks-'));
    const hook = await startFakeService();
    const action = await startFakeService();
    const database = await startPostgres();
    const proxy = await startCuttingProxy(database.port);
    const bucket = await startS3Server();
    const config = configOf({ hook, action, bucket, port: proxy.port, database });
    const inBucket = () => numbersInBucket(bucket);
    const inDatabase = () => numbersInDatabase(database);
    let sent = 0;
    const send = async (host: string): Promise<void> => {
      const analytics = new Analytics({ writeKey: WRITE_KEY, host, flushAt: 20 });
      for (let at = 0; at < PART; at++) {
        analytics.track({ userId: `u${at % 10}`, event: 'Sent', properties: { n: sent++ } });
      }
      await analytics.closeAndFlush();
    };
    try {
      const first = await startTestServer({ folder, config });
      await send(first.url);
      await until('the webhook has the first part', () => distinct(hook).size === PART, ARRIVAL_MS);
      hook.always({ status: 503 });
      action.always('reset');
      proxy.setMode('hang-up');
      bucket.faultOf = () => ({ status: 503, code: 'SlowDown' });
      await send(first.url);
      await until('the broken webhook was called', () => hook.requests.length > PART);
      await first.kill();
      const second = await startTestServer({ folder, config });
      await send(second.url);
      hook.always(null);
      action.always(null);
      proxy.setMode('pass');
      bucket.faultOf = () => null;
      const all = Array.from({ length: 3 * PART }, (_, n) => String(n));
      const everywhere: [string, () => Promise<Iterable<string>>][] = [
        ['webhook', () => Promise.resolve(distinct(hook))],
        ['action', () => Promise.resolve(distinct(action))],
        ['PostgreSQL', inDatabase],
        ['S3', inBucket],
      ];
      for (const [where, arrived] of everywhere) {
        await until(
          `${where} has everything`,
          async () => new Set(await arrived()).size === all.length,
          ARRIVAL_MS,
        );
      }
      assert.deepEqual((await inDatabase()).toSorted(byNumber), all, 'PostgreSQL: exactly once');
      assert.deepEqual((await inBucket()).toSorted(byNumber), all, 'S3: exactly once');
      await until('all is accounted for', async () => (await second.cli('verify')).code === 0);
      const { stdout } = await second.cli('destinations', 'list', '--json');
      const deadLetters = (JSON.parse(stdout) as { status: { deadLetters: number } }[]).map(
        ({ status }) => status.deadLetters,
      );
      assert.deepEqual(deadLetters, [0, 0, 0, 0]);
      await second.terminate();
    } finally {
      await hook.close();
      await action.close();
      await proxy.close();
      await bucket.close();
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
);

interface Services {
  hook: FakeService;
  action: FakeService;
  bucket: S3Server;
  /** Of the proxy before the database. */
  port: number;
  database: PostgresServer;
}

function configOf(services: Services) {
  const { user, password, database: name } = services.database;
  return {
    net: { allow: ['127.0.0.1'] },
    deliver: { retryDelayMsMin: 10, retryDelayMsMax: 200, breakerDelayMsMax: 200 },
    destinations: [
      { name: 'Hook', slug: 'hook', type: 'webhook', settings: { url: services.hook.url } },
      {
        name: 'Action',
        slug: 'action',
        type: 'actions-webhook',
        settings: {
          subscriptions: [
            {
              partnerAction: 'send',
              subscribe: 'type = "track" and properties.n >= 0',
              mapping: {
                url: services.action.url,
                data: { '@path': '$.' },
                enable_batching: false,
              },
            },
          ],
        },
      },
      {
        name: 'Warehouse',
        slug: 'warehouse',
        type: 'postgres',
        settings: {
          host: '127.0.0.1',
          port: services.port,
          user,
          password,
          database: name,
          ssl: 'disable',
        },
        delivery: { batchAgeMs: 50 },
      },
      {
        name: 'Archive',
        slug: 'archive',
        type: 's3',
        settings: {
          endpoint: services.bucket.url,
          bucket: S3_BUCKET,
          accessKeyId: S3_KEY_ID,
          secretAccessKey: S3_SECRET,
          format: 'segment-logs',
        },
        delivery: { batchAgeMs: 50 },
      },
    ],
  };
}

function distinct(service: FakeService): Set<string> {
  const numbers = service.taken.map(({ body }) => {
    return String((JSON.parse(body) as { properties: { n: number } }).properties.n);
  });
  return new Set(numbers);
}

async function numbersInBucket(bucket: S3Server): Promise<string[]> {
  const objects = await bucket.objects();
  return [...objects.values()].flatMap((bytes) =>
    gunzipSync(bytes)
      .toString('utf8')
      .trim()
      .split('\n')
      .map((line) => String((JSON.parse(line) as { properties: { n: number } }).properties.n)),
  );
}

async function numbersInDatabase(database: PostgresServer): Promise<string[]> {
  // The table is made with the first batch.
  const rows = await database.query('select n from test.sent').catch(() => []);
  return rows.map((row) => String(row['n']));
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}
