/** (a) and (b): requests per second, durable, against a bare server in the same run. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { freshBatches, freshSingles } from '../support/fresh-requests.ts';
import { load, median } from '../support/load.ts';
import { cpuSeconds, residentBytes, startBaseline } from '../support/processes.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import { SLEEPING_LAKE, USERS_CONFIG } from './part.ts';
import type { BenchPart, BenchScale } from './part.ts';

const CONNECTIONS = 64;
const BATCH = 100;
const SAMPLE_MS = 100;
const MIB = 2 ** 20;
const auth = basicAuth(WRITE_KEY);

interface Comparison {
  baseline: 'parse' | 'sync';
  next: () => Buffer;
  eventsPerRequest: number;
}

interface Measured {
  ratio: number;
  eventsPerSecond: number;
  peakBytes: number;
  cpuMicroseconds: number;
}

/** (a) Single events, against a server that gathers bodies and makes them durable. */
export const singles: BenchPart = async (scale) => {
  const comparison = { baseline: 'sync', next: freshSingles(auth), eventsPerRequest: 1 } as const;
  const name = 'single events, durable, to gather + fdatasync';
  return figuresOf(name, '≥ 0.9', ...(await awakeAndAsleep(scale, comparison)));
};

/** (b) Batches of 100, about 100 kB, against reading and JSON.parse. */
export const batches: BenchPart = async (scale) => {
  const next = freshBatches(BATCH, auth);
  const comparison = { baseline: 'parse', next, eventsPerRequest: BATCH } as const;
  const name = 'batches of 100, durable, to read + JSON.parse';
  return figuresOf(name, '≥ 1.3', ...(await awakeAndAsleep(scale, comparison)));
};

async function awakeAndAsleep(
  scale: BenchScale,
  comparison: Comparison,
): Promise<[awake: Measured, asleep: Measured]> {
  const awake = await comparePairs(scale, comparison, USERS_CONFIG);
  return [awake, await comparePairs(scale, comparison, SLEEPING_LAKE)];
}

function figuresOf(name: string, aim: string, awake: Measured, asleep: Measured): Figure[] {
  const rate = ({ eventsPerSecond }: Measured): string => String(Math.round(eventsPerSecond));
  return [
    { figure: name, value: shown(awake.ratio), aim },
    { figure: '  events per second', value: rate(awake) },
    {
      figure: '  CPU from socket to Parquet, of an event',
      value: shown(awake.cpuMicroseconds, ' µs'),
    },
    { figure: '  peak resident memory', value: shown(awake.peakBytes / MIB, ' MiB'), aim: '≤ 500' },
    { figure: '  the same while the lake sleeps', value: shown(asleep.ratio) },
    { figure: '  events per second while the lake sleeps', value: rate(asleep) },
  ];
}

async function comparePairs(
  scale: BenchScale,
  { baseline: mode, next, eventsPerRequest }: Comparison,
  config: Record<string, unknown>,
): Promise<Measured> {
  const baseline = await startBaseline(mode);
  const server = await startTestServer({ config });
  const run = async (port: number, seconds: number): Promise<number> => {
    const host = '127.0.0.1';
    const result = await load({ host, port, connections: CONNECTIONS, seconds, next });
    if (result.failures > 0) throw new Error(`${result.failures} answers were not 200`);
    return result.requests / result.seconds;
  };
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(server.process));
  }, SAMPLE_MS);
  try {
    const port = Number(new URL(server.url).port);
    await run(baseline.port, 1);
    await run(port, 1);
    const ratios: number[] = [];
    const rates: number[] = [];
    for (let pair = 0; pair < scale.pairs; pair++) {
      const bare = await run(baseline.port, scale.seconds);
      const ours = await run(port, scale.seconds);
      ratios.push(ours / bare);
      rates.push(ours * eventsPerRequest);
    }
    const cpuMicroseconds = config === SLEEPING_LAKE ? Number.NaN : await cpuOfEvent(server);
    const eventsPerSecond = median(rates);
    return { ratio: median(ratios), eventsPerSecond, peakBytes, cpuMicroseconds };
  } finally {
    clearInterval(sampling);
    baseline.stop();
    await server.kill();
    await server.stop();
  }
}

/** Of all that the server did since its start, when no event waits for Parquet any more. */
async function cpuOfEvent(server: TestServer): Promise<number> {
  const parts = join(server.dataDir, 'us/parts');
  for (;;) {
    const before = await metric(server, 'millrace_lake_events_total');
    await sleep(2_000);
    const names = await readdir(parts).catch(() => []);
    const after = await metric(server, 'millrace_lake_events_total');
    if (names.length === 0 && after === before) {
      return (cpuSeconds(server.process) / after) * 1e6;
    }
  }
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
