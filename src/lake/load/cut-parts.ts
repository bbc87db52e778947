/** Makes the parts of a cut, in the background. */
import { toError } from '../../base/errors.ts';
import type { Histogram } from '../../observe/metrics.ts';
import { sourceOf } from '../lake-state.ts';
import type { LakeState } from '../lake-state.ts';
import type { Gathering } from './gathering.ts';
import type { Part } from './lake-part.ts';
import { writePart } from './part-writer.ts';
import type { PartWriterOptions } from './part-writer.ts';
import { removeRows } from './pending-rows.ts';
import type { PendingRows } from './pending-rows.ts';

const ATTEMPTS_MAX = 5;
const RETRY_MS = 1_000;

/** @throws what kept one from being made, after some attempts. */
export async function makeParts(lake: LakeState, { rows }: Gathering): Promise<Part[]> {
  const parts: Part[] = [];
  for (const pending of rows.values()) {
    const part = await makePart(lake, pending);
    if (part) parts.push(part);
  }
  return parts;
}

async function makePart(lake: LakeState, rows: PendingRows): Promise<Part | null> {
  const { metrics, logger, clock } = lake.options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await writePart(partWriterOf(lake, rows.region), rows);
    } catch (error) {
      // Short of memory or disk is no fault of the rows, and may pass.
      metrics.cell('millrace_lake_failures_total').value++;
      const reason = toError(error).message;
      logger.error({ reason }, 'part not written; it will be tried again');
      if (attempt === ATTEMPTS_MAX) throw error;
      await clock.sleep(RETRY_MS);
    }
  }
}

function partWriterOf(lake: LakeState, region: string): PartWriterOptions {
  const { disk, random, dataFolder, logger, metrics, settings, isReadOnly } = lake.options;
  return {
    connection: lake.engine.connection,
    disk,
    random,
    dataFolder,
    sourceOf: (sourceNumber) => sourceOf(lake, { sourceNumber }, region),
    logger,
    unloadable: metrics.cell('millrace_lake_unloadable_total'),
    // A query of a stopped server leaves nothing behind.
    wholeRowsMin: isReadOnly ? Number.POSITIVE_INFINITY : Math.ceil(settings.flushRows / 2),
  };
}

/** Says in the metric how long it took until queries saw the rows: now they do. */
export function observeVisible(visible: Histogram, { receipts }: Gathering, wallMs: number): void {
  for (const { receivedAtMs, count } of receipts) {
    if (count > 0) visible.observe((wallMs - receivedAtMs) / 1000, count);
  }
}

/** Removes the lines that the parts were made of. */
export async function removeLines(lake: LakeState, { rows }: Gathering): Promise<void> {
  const { disk, logger } = lake.options;
  for (const pending of rows.values()) {
    for (const reason of await removeRows(disk, pending)) {
      logger.warn({ reason }, 'lines of a part not removed');
    }
  }
}
