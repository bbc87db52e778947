/** Lays out the rows of a record that is judged: lines of its stored and of its rejected events. */
import { normaliseRecord } from '../../events/normalise.ts';
import type { RawRecord } from '../../events/raw-record.ts';
import type { LogRecord } from '../../log/log-reader.ts';
import { rejectedRow, rowLine } from '../lake-columns.ts';
import { sourceOf } from '../lake-state.ts';
import type { LakeState, PartitionState } from '../lake-state.ts';
import { lineShared, putEventLine } from './event-lines.ts';
import { learnEvents } from './learn-events.ts';
import type { EventShapes } from './learn-events.ts';
import { eventValues, putValues } from './event-values.ts';
import { rowsOf } from './gathering.ts';
import type { Gathering } from './gathering.ts';
import { addJsonLine, countRows } from './pending-rows.ts';

/** @returns how many rows there are. */
export function addRejected(
  lake: LakeState,
  gathering: Gathering,
  partition: PartitionState,
  { position, payload }: LogRecord,
): number {
  const { dataFolder, metrics } = lake.options;
  const { rejected } = normaliseRecord(payload, { partition: partition.name, position });
  const rows = rowsOf(gathering, dataFolder, 'rejected', partition.region);
  for (const event of rejected) {
    addJsonLine(rows, rowLine(rejectedRow(event, sourceOf(lake, event, partition.region))));
    countRows(rows, event.sourceNumber, event.receivedAtMs, 1);
  }
  metrics.cell('millrace_lake_rejected_total').value += rejected.length;
  return rejected.length;
}

/**
 * Of what is neither refused nor a duplicate.
 * @param shapes learns from events of new shapes.
 * @returns how many rows there are.
 */
export function addEvents(
  lake: LakeState,
  gathering: Gathering,
  shapes: EventShapes,
  region: string,
  record: RawRecord,
  duplicates: ReadonlySet<number>,
): number {
  const { dataFolder, metrics } = lake.options;
  const { envelope, items, refused } = record;
  const rows = rowsOf(gathering, dataFolder, 'events', region);
  const shared = lineShared(record);
  const { slug } = sourceOf(lake, envelope, region);
  const table = learnEvents(shapes, shared, slug);
  let count = 0;
  for (let item = 0; item < items.count; item++) {
    if (refused.has(item) || duplicates.has(item)) continue;
    const before = rows.lines.length;
    table.observe(item);
    const hasRepeats = items.sharedRepeats || items.repeats[item] === 1;
    if (hasRepeats || !putEventLine(rows.lines, shared, item)) {
      const json = putValues(rows.lines, eventValues(shared, item, hasRepeats));
      if (json !== null) addJsonLine(rows, json);
    }
    rows.longest = Math.max(rows.longest, rows.lines.length - before);
    count++;
  }
  countRows(rows, envelope.sourceNumber, envelope.receivedAtMs, count);
  metrics.cell('millrace_lake_events_total', { source: slug }).value += count;
  return count;
}
