/** (d): from the 200 of an event to its row in SQL, while others arrive at a steady rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { freshBatches } from '../support/fresh-requests.ts';
import { load, median, percentile } from '../support/load.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import { USERS_CONFIG } from './part.ts';
import type { BenchPart } from './part.ts';

const RATES = [
  { eventsPerSecond: 5_000, batch: 10, aim: '≤ 500 ms' },
  { eventsPerSecond: 50_000, batch: 100, aim: '≤ 1000 ms' },
];
const CONNECTIONS = 16;
const MARKER_MS = 150;
const POLL_MS = 5;
const SECONDS_FACTOR = 4;

export const freshness: BenchPart = async (scale) => {
  const figures: Figure[] = [];
  for (const { eventsPerSecond, batch, aim } of RATES) {
    const seconds = scale.seconds * SECONDS_FACTOR;
    const delays = await delaysAmong(eventsPerSecond, batch, seconds);
    const name = `200 → SQL at ${eventsPerSecond.toLocaleString('en')} events/s`;
    figures.push(
      { figure: `${name}, p50`, value: shown(median(delays), ' ms') },
      { figure: `${name}, p99`, value: shown(percentile(delays, 0.99), ' ms'), aim },
    );
  }
  return figures;
};

/** Milliseconds of each marker from its 200 until a query sees it, sorted. */
async function delaysAmong(perSecond: number, batch: number, seconds: number): Promise<number[]> {
  const server = await startTestServer({ config: USERS_CONFIG });
  const delays: number[] = [];
  let isOver = false;
  const mark = async (): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      const messageId = `marker-${n}`;
      const answer = await server.post('/v1/track', { userId: 'm', event: 'Marker', messageId });
      await answer.arrayBuffer();
      const answeredMs = performance.now();
      // What a person who waits for it would ask.
      const recent = `received_at > now() - interval 1 minute`;
      const query = `select 1 from events where message_id = '${messageId}' and ${recent}`;
      while ((await server.sql(query)).length === 0) await sleep(POLL_MS);
      delays.push(performance.now() - answeredMs);
      await sleep(MARKER_MS);
    }
  };
  try {
    const marking = mark();
    await load({
      host: '127.0.0.1',
      port: Number(new URL(server.url).port),
      connections: CONNECTIONS,
      seconds,
      perSecond: perSecond / batch,
      next: freshBatches(batch, basicAuth(WRITE_KEY)),
    });
    isOver = true;
    await marking;
  } finally {
    await server.stop();
  }
  return delays.toSorted((a, b) => a - b);
}
