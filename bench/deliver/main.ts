/**
 * The delivery benchmark: `npm run bench:deliver`. Each figure is a ratio to a bare program that
 * does the same with the same data, in the same run, in alternating pairs, as a median.
 *
 *   npm run bench:deliver                 everything (about 15 minutes)
 *   npm run bench:deliver -- --quick      fewer events (about 3 minutes)
 *   npm run bench:deliver -- --only a,b   only these parts
 */
import { backlog } from './backlog.ts';
import { segmentAction, webhookBatches, webhookSingles } from './http.ts';
import { isolation } from './isolation.ts';
import type { DeliverPart, DeliverScale } from './part.ts';
import { objects } from './objects.ts';
import { runParts } from '../support/run-parts.ts';
import { clickHouseRows, postgresRows } from './warehouses.ts';

const PARTS: Record<string, DeliverPart> = {
  a: webhookSingles,
  b: webhookBatches,
  c: postgresRows,
  d: clickHouseRows,
  e: objects,
  f: segmentAction,
  g: isolation,
  h: backlog,
};

const FULL: DeliverScale = { pairs: 5, singles: 20_000, bulk: 100_000, backlog: 1_000_000 };
const QUICK: DeliverScale = { pairs: 3, singles: 3_000, bulk: 20_000, backlog: 60_000 };

await runParts(PARTS, { full: FULL, quick: QUICK });
