/**
 * kill -9 under load, with destinations at work: nothing that was acknowledged stays undelivered,
 * what comes twice has the same idempotency key, and there is no more of it than the window holds.
 * PostgreSQL has every event exactly once.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { createPersistentClient } from '../support/persistent-client.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const ROUNDS = Number(process.env['MILLRACE_TEST_CRASH_ROUNDS'] ?? 8);
const CLIENTS = 4;
const WINDOW = 100;
const DRAIN_MS = 60_000;

test('kill -9 costs no delivery, and PostgreSQL has each event once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const service = await startFakeService();
  const database = await startPostgres();
  const config = {
    net: { allow: ['127.0.0.1'] },
    log: { segmentBytesMax: '1MiB' },
    deliver: { windowEvents: WINDOW, retryDelayMsMin: 10, retryDelayMsMax: 100 },
    destinations: [
      { name: 'Hook', slug: 'hook', type: 'webhook', settings: { url: service.url } },
      {
        name: 'Warehouse',
        slug: 'warehouse',
        type: 'postgres',
        settings: {
          host: database.host,
          port: database.port,
          user: database.user,
          password: database.password,
          database: database.database,
          ssl: 'disable',
        },
        delivery: { batchAgeMs: 50 },
      },
    ],
  };
  const clients = Array.from({ length: CLIENTS }, (_, at) => createPersistentClient(`c${at}`));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startTestServer({ folder, config });
      const sending = clients.map((client) => client.sendTo(server.url));
      await sleep(200 + Math.random() * 1_200);
      await server.kill();
      await Promise.all(sending);
    }
    const server = await startTestServer({ folder, config });
    try {
      await drained(server);
      const acknowledged = clients.flatMap((client) => [...client.acknowledged]);
      assert.ok(acknowledged.length > ROUNDS * 10, `only ${acknowledged.length} were sent`);
      checkWebhook(service, acknowledged);
      const rows = await database.query(
        `select id, count(*)::int as copies from test.tracks group by id`,
      );
      const copies = new Map(rows.map((row) => [String(row['id']), Number(row['copies'])]));
      assert.deepEqual(
        acknowledged.filter((id) => copies.get(id) !== 1),
        [],
        'in PostgreSQL exactly once',
      );
      const verified = await server.cli('verify', '--json');
      assert.equal(verified.code, 0, verified.stdout);
    } finally {
      await server.terminate();
    }
  } finally {
    await service.close();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

async function drained(server: TestServer): Promise<void> {
  await until(
    'both destinations have everything',
    async () => {
      const { stdout } = await server.cli('destinations', 'list', '--json');
      const all = JSON.parse(stdout) as {
        status: { live: { lagBytes: number; waiting: number } | null } | null;
      }[];
      return all.every(({ status }) => status?.live?.lagBytes === 0 && status.live.waiting === 0);
    },
    DRAIN_MS,
  );
}

function checkWebhook(service: FakeService, acknowledged: readonly string[]): void {
  const keys = new Map<string, string>();
  let repeated = 0;
  for (const { body, headers } of service.taken) {
    const { messageId } = JSON.parse(body) as { messageId: string };
    const key = String(headers['idempotency-key']);
    const known = keys.get(messageId);
    if (known !== undefined) repeated++;
    assert.equal(known ?? key, key, `${messageId} has one idempotency key`);
    keys.set(messageId, key);
  }
  assert.deepEqual(
    acknowledged.filter((id) => !keys.has(id)),
    [],
    'nothing is undelivered',
  );
  assert.ok(repeated <= ROUNDS * WINDOW, `${repeated} repetitions in ${ROUNDS} crashes`);
}
