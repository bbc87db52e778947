/**
 * The lake's benchmark: `npm run bench:lake`, with events of a shop whose people, ids and prices
 * are random.
 *
 *   npm run bench:lake                 everything (about an hour, 45 GB of disk)
 *   npm run bench:lake -- --quick      fewer events (about 5 minutes)
 *   npm run bench:lake -- --only a     only these parts
 */
import { runParts } from '../support/run-parts.ts';
import { dedup } from './dedup.ts';
import { loading } from './loading.ts';
import type { LakePart, LakeScale } from './part.ts';
import { queries } from './queries.ts';

const PARTS: Record<string, LakePart> = { a: loading, b: queries, c: dedup };

const FULL: LakeScale = {
  pairs: 7,
  loadEvents: 500_000,
  queryEvents: 20_000_000,
  days: 20,
  dedupKeys: 20_000_000,
};
const QUICK: LakeScale = {
  pairs: 3,
  loadEvents: 100_000,
  queryEvents: 300_000,
  days: 4,
  dedupKeys: 2_000_000,
};

await runParts(PARTS, { full: FULL, quick: QUICK });
