/** (f): resident memory at rest and under load, and whether it stays flat. */
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { batchBody } from '../support/events.ts';
import { httpRequest, load, median } from '../support/load.ts';
import { residentBytes } from '../support/processes.ts';
import { shown } from './part.ts';
import type { BenchPart } from './part.ts';

const EVENTS_PER_SECOND = 5_000;
const BATCH = 50;
const MIB = 2 ** 20;

export const memory: BenchPart = async (scale) => {
  const server = await startTestServer();
  const idle = residentBytes(server.process);
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(residentBytes(server.process)), 500);
  const auth = basicAuth(WRITE_KEY);
  const slice = 30;
  let sent = 0;
  try {
    // New bodies for each slice, or the repetitions would be duplicates and not be loaded.
    for (let second = 0; second < scale.memorySeconds; second += slice) {
      const seconds = Math.min(slice, scale.memorySeconds - second);
      const count = Math.ceil((seconds * EVENTS_PER_SECOND) / BATCH);
      const requests = Array.from({ length: count }, (_, n) =>
        httpRequest('/v1/batch', batchBody((sent + n) * BATCH, BATCH), auth),
      );
      sent += count;
      const perSecond = EVENTS_PER_SECOND / BATCH;
      const port = Number(new URL(server.url).port);
      await load({ host: '127.0.0.1', port, connections: 16, seconds, requests, perSecond });
    }
  } finally {
    clearInterval(timer);
    await server.stop();
  }
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(-quarter));
  return [
    { figure: 'resident memory, idle', value: shown(idle / MIB, ' MiB') },
    {
      figure: 'resident memory at 5,000 events/s, median',
      value: shown(median(samples) / MIB, ' MiB'),
    },
    {
      figure: `last to second quarter of ${scale.memorySeconds} s`,
      value: shown(late / early),
      aim: '≈ 1',
    },
  ];
};
