/**
 * What a start costs, built and from the source, in alternating rounds: `npm run bench:start`.
 * Until "Millrace is ready" on a new data folder: CPU time of all threads, time, and resident
 * memory. The figure is the median of the ratios of each pair.
 */
import { parseArgs } from 'node:util';
import { startTestServer } from '../../test/support/test-server.ts';
import { median } from '../support/load.ts';
import { cpuSeconds, residentBytes } from '../support/processes.ts';

const ROUNDS = 7;
const MIB = 1024 * 1024;

interface Start {
  cpuSeconds: number;
  seconds: number;
  residentMib: number;
}

const { values } = parseArgs({ options: { rounds: { type: 'string' } } });
const rounds = Number(values.rounds ?? ROUNDS);

// The first of each fills Node's cache of compiled code.
await start(true);
await start(false);
const pairs: { source: Start; built: Start }[] = [];
for (let round = 0; round < rounds; round++) {
  pairs.push({ source: await start(true), built: await start(false) });
}
for (const what of ['cpuSeconds', 'seconds', 'residentMib'] as const) {
  const source = median(pairs.map((pair) => pair.source[what]));
  const built = median(pairs.map((pair) => pair.built[what]));
  const ratio = median(pairs.map((pair) => pair.built[what] / pair.source[what]));
  const figures = `source ${source.toFixed(2)}, built ${built.toFixed(2)}`;
  process.stdout.write(`${what}: ${figures}, ratio ${ratio.toFixed(2)}\n`);
}

async function start(isFromSource: boolean): Promise<Start> {
  const startedMs = performance.now();
  const server = await startTestServer({ isFromSource });
  try {
    return {
      cpuSeconds: cpuSeconds(server.process),
      seconds: (performance.now() - startedMs) / 1000,
      residentMib: residentBytes(server.process) / MIB,
    };
  } finally {
    await server.stop();
  }
}
