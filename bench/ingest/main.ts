/**
 * The ingest benchmark: `npm run bench`. Every figure that a machine's mood could change is a
 * ratio to a baseline of the same run, in alternating pairs, as a median.
 *
 *   npm run bench                 everything (about 20 minutes)
 *   npm run bench -- --quick      shorter times, smaller log (about 3 minutes)
 *   npm run bench -- --only a,b   only these parts
 */
import { parseArgs } from 'node:util';
import { batches, singles } from './throughput.ts';
import { latency } from './latency.ts';
import { lakeLoad, visibility } from './lake.ts';
import { memory } from './memory.ts';
import { restart } from './restart.ts';
import type { BenchPart, BenchScale } from './part.ts';

const PARTS: Record<string, BenchPart> = {
  a: singles,
  b: batches,
  c: latency,
  d: visibility,
  e: lakeLoad,
  f: memory,
  g: restart,
};

const FULL: BenchScale = {
  pairs: 7,
  seconds: 5,
  lakeEvents: 500_000,
  memorySeconds: 600,
  logBytes: 5 * 2 ** 30,
};
const QUICK: BenchScale = {
  pairs: 5,
  seconds: 2,
  lakeEvents: 100_000,
  memorySeconds: 30,
  logBytes: 512 * 2 ** 20,
};

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const scale = values.quick ? QUICK : FULL;
const wanted = values.only?.split(',') ?? Object.keys(PARTS);
const unknown = wanted.find((name) => !(name in PARTS));
if (unknown !== undefined) {
  process.stderr.write(`Unknown part ${unknown}; there are ${Object.keys(PARTS).join(', ')}\n`);
  process.exit(2);
}
print('part  figure                                                   value   aim');
print('────  ─────────────────────────────────────────────────────  ───────  ──────');
for (const name of wanted) {
  const part = PARTS[name];
  for (const { figure, value, aim } of (await part?.(scale)) ?? []) {
    print(`${name.padEnd(5)} ${figure.padEnd(54)} ${value.padStart(8)}  ${aim ?? ''}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
