/**
 * SQL ran in the zone of the machine: with TZ=Asia/Kolkata `timestamp > now() - interval 1 hour`
 * found nothing, because events are in UTC. Every connection is in UTC, wherever it runs.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { NODE_FLAGS, ROOT, startTestServer } from '../support/test-server.ts';

/** Of no offset, of half an hour, and of half an hour with summer time, on both sides. */
const ZONES = ['UTC', 'Asia/Kolkata', 'America/St_Johns'];
/** In this one the runner runs the suites by themselves. */
const { timeZone: HERE } = Intl.DateTimeFormat().resolvedOptions();
/** What runs SQL: the views, people's queries, and the databases of destinations. */
const SUITES = [
  'test/unit/warehouse-views.test.ts',
  'test/hostile/sql.test.ts',
  'test/destinations/clickhouse.test.ts',
  'test/destinations/postgres-hostile.test.ts',
];

/** Runs a file of tests as the runner does; returns what it printed if it failed. */
async function failureOf(file: string, zone: string): Promise<string> {
  const env: NodeJS.ProcessEnv = { ...process.env, TZ: zone };
  // Else the process would report to ours instead of printing.
  delete env['NODE_TEST_CONTEXT'];
  const child = spawn(process.execPath, [...NODE_FLAGS, '--test', file], { cwd: ROOT, env });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return code === 0 ? '' : text;
}

/** By the one name that the zone has among several, as UTC and Etc/UTC. */
function isHere(timeZone: string): boolean {
  return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone === HERE;
}

for (const zone of ZONES) {
  describe(`on a machine in ${zone}`, () => {
    test('an event of this minute is an event of the last hour', async () => {
      const server = await startTestServer({ env: { TZ: zone } });
      try {
        await server.post('/v1/track', { userId: 'u', event: 'Now', messageId: 'now' });
        const rows = await server.sqlUntil(
          `select current_date = (now() at time zone 'UTC')::date as is_day,
             strftime(timestamptz '2026-06-01 12:00:00+00', '%H:%M') as noon,
             '2026-06-01 12:00:00'::timestamptz = '2026-06-01T12:00:00Z'::timestamptz as is_same
           from events where message_id = 'now' and "timestamp" > now() - interval 1 hour
             and "timestamp" <= now() + interval 1 minute
             and received_at > now() - interval 1 hour`,
          (found) => found.length === 1,
        );
        assert.deepEqual(rows, [{ is_day: true, noon: '12:00', is_same: true }]);
      } finally {
        await server.stop();
      }
    });

    for (const file of isHere(zone) ? [] : SUITES) {
      test(`${file} passes`, async () => {
        assert.equal(await failureOf(file, zone), '');
      });
    }
  });
}
