/**
 * The ingest benchmark: `npm run bench`. Every figure that a machine's mood could change is a
 * ratio to a baseline of the same run, in alternating pairs, as a median.
 *
 *   npm run bench                 everything (about 20 minutes)
 *   npm run bench -- --quick      shorter times, smaller log (about 4 minutes)
 *   npm run bench -- --only a,b   only these parts
 */
import { runParts } from '../support/run-parts.ts';
import { batches, singles } from './throughput.ts';
import { latency } from './latency.ts';
import { freshness } from './freshness.ts';
import { memory } from './memory.ts';
import { restart } from './restart.ts';
import type { BenchPart, BenchScale } from './part.ts';

const PARTS: Record<string, BenchPart> = {
  a: singles,
  b: batches,
  c: latency,
  d: freshness,
  e: memory,
  f: restart,
};

const FULL: BenchScale = { pairs: 7, seconds: 5, memorySeconds: 600, logBytes: 5 * 2 ** 30 };
const QUICK: BenchScale = { pairs: 3, seconds: 3, memorySeconds: 30, logBytes: 512 * 2 ** 20 };

await runParts(PARTS, { full: FULL, quick: QUICK });
