/**
 * kill -9 at any moment under load: every acknowledged event is in SQL exactly once, and the
 * counts of log and lake agree. With a disk that lies about durability the same harness must see
 * a loss; otherwise it would prove nothing.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPersistentClient } from '../support/persistent-client.ts';
import type { PersistentClient } from '../support/persistent-client.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const ROUNDS = Number(process.env['MILLRACE_TEST_CRASH_ROUNDS'] ?? 12);
const CLIENTS = 8;
const FORGETFUL = new URL('../support/forgetful-collectors.ts', import.meta.url).href;
/** Its modules are replaced one by one, which what is built has no more. */
const LYING = { isFromSource: true, env: { NODE_OPTIONS: `--import ${FORGETFUL}` } };

interface Outcome {
  acknowledged: number;
  lost: string[];
  doubled: string[];
  verifyCode: number | null;
  verifyText: string;
}

async function crashRounds(rounds: number, disk: 'honest' | 'forgetful'): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const config = {
    collector: { threads: 2 },
    // Small enough that kills also hit the change of segments and the flush to Parquet.
    log: { segmentBytesMax: '1MiB' },
    lake: { flushSeconds: 1, flushRows: 2_000, compactFilesMin: 3 },
  };
  const clients = Array.from({ length: CLIENTS }, (_, at) => createPersistentClient(`c${at}`));
  try {
    for (let round = 0; round < rounds; round++) {
      const server = await startTestServer({ folder, config, ...(disk === 'honest' ? {} : LYING) });
      const sending = clients.map((client) => client.sendTo(server.url));
      await sleep(100 + Math.random() * 1_500);
      await server.kill();
      await Promise.all(sending);
    }
    const server = await startTestServer({ folder, config });
    try {
      return await judge(server, clients);
    } finally {
      await server.terminate();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function judge(server: TestServer, clients: readonly PersistentClient[]): Promise<Outcome> {
  // Recovery is complete when an event sent now is visible: partitions are read in order.
  const marker = `marker-${Date.now()}`;
  for (let at = 0; at < 40; at++) {
    await server.post('/v1/track', { userId: 'm', event: marker }, { Connection: 'close' });
  }
  await server.sqlUntil(
    `select count(*)::int as n from events where event = '${marker}'`,
    (rows) => rows[0]?.['n'] === 40,
  );
  const stored = new Map<string, number>();
  const query = `select user_id, list(message_id) as ids from events where event = 'Sent' group by 1`;
  for (const row of await server.sql(query)) {
    for (const id of row['ids'] as string[]) stored.set(id, (stored.get(id) ?? 0) + 1);
  }
  const acknowledged = clients.flatMap((client) => [...client.acknowledged]);
  const verified = await server.cli('verify', '--json');
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((id) => !stored.has(id)),
    doubled: [...stored].filter(([, count]) => count > 1).map(([id]) => id),
    verifyCode: verified.code,
    verifyText: verified.stdout + verified.stderr,
  };
}

test(`kill -9 under load, ${ROUNDS} rounds: acknowledged events are stored exactly once`, async () => {
  const outcome = await crashRounds(ROUNDS, 'honest');
  assert.ok(outcome.acknowledged > ROUNDS * 20, 'the load must be a load');
  assert.deepEqual(outcome.lost.slice(0, 10), [], `${outcome.lost.length} acknowledged and lost`);
  assert.deepEqual(outcome.doubled.slice(0, 10), [], `${outcome.doubled.length} stored twice`);
  assert.equal(outcome.verifyCode, 0, outcome.verifyText);
});

test('negative control: on a disk that lies about durability the same harness sees a loss', async () => {
  const outcome = await crashRounds(3, 'forgetful');
  assert.ok(outcome.acknowledged > 0);
  assert.ok(outcome.lost.length > 0, 'the harness must notice lost events');
});
