/** (e): resident memory at rest and under load, and whether it stays flat. */
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { freshBatches } from '../support/fresh-requests.ts';
import { load, median } from '../support/load.ts';
import { residentBytes } from '../support/processes.ts';
import { shown } from '../support/run-parts.ts';
import { USERS_CONFIG } from './part.ts';
import type { BenchPart } from './part.ts';

const EVENTS_PER_SECOND = 5_000;
const BATCH = 50;
const SETTLE_MS = 5_000;
const MIB = 2 ** 20;

export const memory: BenchPart = async (scale) => {
  const server = await startTestServer({ config: USERS_CONFIG });
  await sleep(SETTLE_MS);
  const idle = residentBytes(server.process);
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(residentBytes(server.process)), 500);
  try {
    await load({
      host: '127.0.0.1',
      port: Number(new URL(server.url).port),
      connections: 16,
      seconds: scale.memorySeconds,
      perSecond: EVENTS_PER_SECOND / BATCH,
      next: freshBatches(BATCH, basicAuth(WRITE_KEY)),
    });
  } finally {
    clearInterval(timer);
    await server.stop();
  }
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const early = median(samples.slice(quarter, 2 * quarter));
  const late = median(samples.slice(-quarter));
  return [
    { figure: 'resident memory, idle', value: shown(idle / MIB, ' MiB'), aim: '≤ 200' },
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
