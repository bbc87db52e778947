/** Volumes of events against earlier weeks, on the engine of the lake. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { LakeService } from '../../src/query/lake-service.ts';
import { eventVolumes } from '../../src/operate/overview/event-counts.ts';
import { nextEvent, openHarness } from '../support/warehouse-harness.ts';
import type { Harness } from '../support/warehouse-harness.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 10, 23, 12);

let harness: Harness;
beforeEach(async () => {
  harness = await openHarness();
});
afterEach(() => harness.close());

async function volumes() {
  const lake = {
    async query({ sql }: { sql: string }) {
      const rows = await harness.rows(sql);
      const names = Object.keys(rows[0] ?? {});
      const columns = names.map((name) => ({ name }));
      return { format: 'rows', columns, rows: rows.map((row) => names.map((name) => row[name])) };
    },
  };
  const found = await eventVolumes(
    lake as unknown as LakeService,
    'shop',
    NOW_MS - HOUR_MS,
    NOW_MS,
  );
  return found.map(({ type, name, events, usual }) => [type, name, events, usual]);
}

/** So many events in the hour, some weeks ago. */
function times(count: number, event: string, weeksAgo: number) {
  const atMs = NOW_MS - weeksAgo * WEEK_MS - HOUR_MS / 2;
  return Array.from({ length: count }, () => received('track', { event, userId: 'u' }, atMs));
}

function received(type: 'track' | 'page', message: Record<string, unknown>, atMs: number) {
  return { ...nextEvent(type, message, atMs), receivedAtMs: atMs };
}

test('the median of the weeks in which the source was there is what is usual', async () => {
  await harness.send('shop', [
    ...times(5, 'Order', 0),
    ...times(2, 'Order', 1),
    ...times(4, 'Order', 2),
    ...times(9, 'Order', 4),
    ...times(6, 'Gone', 1),
    ...times(6, 'Gone', 2),
    ...times(1, 'New', 0),
  ]);
  // The hour before is another one.
  await harness.send('shop', [received('track', { event: 'Order' }, NOW_MS - 1.5 * HOUR_MS)]);
  await harness.send('other', times(3, 'Order', 0));
  assert.deepEqual(await volumes(), [
    ['track', 'Order', 5, 4],
    ['track', 'New', 1, 0],
    ['track', 'Gone', 0, 6],
  ]);
});

test('after one week nobody knows what is usual', async () => {
  await harness.send('shop', [...times(5, 'Order', 0), ...times(2, 'Order', 1)]);
  await harness.send('shop', [received('page', { name: 'Home' }, NOW_MS - 1)]);
  assert.deepEqual(await volumes(), [
    ['track', 'Order', 5, null],
    ['page', '', 1, null],
  ]);
});
