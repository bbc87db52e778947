/**
 * Frees log segments that every reader has passed and that are older, or together larger, than the
 * configuration wants to keep. What a segment held is counted before it goes, a part at a time so
 * that loading never waits, and the counts are durable before the first file is removed.
 */
import { countDuplicates, countPart, createTally } from '../dispatch/count.ts';
import type { Tally } from '../dispatch/count.ts';
import { openLogReader } from '../log/log-reader.ts';
import type { LogReader } from '../log/log-reader.ts';
import { removeSegmentsBefore } from '../log/segment-retention.ts';
import { listSegments } from '../log/segments.ts';
import type { Segment } from '../log/segments.ts';
import type { LakeState, PartitionState } from './lake-state.ts';
import type { RetentionSettings } from './lake-messages.ts';

export interface Retention {
  /** Does a bounded part of what is due; called between steps. */
  tend(): Promise<void>;
}

interface Removal {
  partition: PartitionState;
  cut: number;
  position: number;
  reader: LogReader;
  tally: Tally;
}

const CHECK_MS = 30_000;
/** At the start destinations have not said yet what they need. */
const HELD_CHECK_MS = 1_000;
const COUNT_BYTES = 8 * 1024 * 1024;
const HOUR_MS = 3_600_000;

/** @param heldFrom from where on destinations still need a partition. */
export function createRetention(
  state: LakeState,
  settings: RetentionSettings,
  heldFrom: (partition: string) => number,
): Retention {
  const { clock, disk, logger, metrics } = state.options;
  const removedBytes = metrics.cell('millrace_retention_removed_bytes_total');
  let nextCheckMs = 0;
  let removal: Removal | undefined;

  const begin = async (): Promise<Removal | undefined> => {
    const committed = state.catalog.cursors();
    for (const partition of state.partitions.values()) {
      const segments = await listSegments(disk, partition.folder);
      const keepFrom = Math.min(
        committed.get(partition.name) ?? 0,
        partition.position,
        heldFrom(partition.name),
      );
      const cut = cutPosition(segments, keepFrom, settings, clock.wallMs());
      const from = Math.max(state.ledger.removedBefore(partition.name), segments[0]?.base ?? 0);
      if (cut <= (segments[0]?.base ?? 0)) continue;
      const reader = await openLogReader({ disk, folder: partition.folder, from });
      return { partition, cut, position: from, reader, tally: createTally() };
    }
    return undefined;
  };
  const finish = async ({ partition, cut, reader, tally }: Removal): Promise<void> => {
    await reader.close();
    const duplicates = state.ledger.duplicatesOf(partition.name);
    countDuplicates(
      duplicates.filter(({ position }) => position < cut),
      tally,
    );
    state.ledger.recordRemoved(partition.name, cut, tally.counts());
    const { folder, name } = partition;
    const removed = await removeSegmentsBefore({ disk, folder, position: cut });
    const bytes = removed.reduce((sum, segment) => sum + segment.bytes, 0);
    removedBytes.value += bytes;
    logger.info({ partition: name, segments: removed.length, bytes }, 'log segments removed');
  };

  return {
    async tend() {
      if (!removal) {
        if (clock.monotonicMs() < nextCheckMs) return;
        const isHeld = [...state.partitions.keys()].some((name) => heldFrom(name) === 0);
        nextCheckMs = clock.monotonicMs() + (isHeld ? HELD_CHECK_MS : CHECK_MS);
        removal = await begin();
        if (!removal) return;
      }
      if (removal.position < removal.cut) {
        const { next } = await countPart(removal.reader, removal.cut, COUNT_BYTES, removal.tally);
        const isStuck = next === removal.position;
        removal.position = isStuck ? removal.cut : next;
        return;
      }
      const finished = removal;
      removal = undefined;
      nextCheckMs = 0;
      await finish(finished);
    },
  };
}

/** The base of the first segment to keep: whole segments below `keepFrom`, never the last one. */
function cutPosition(
  segments: readonly Segment[],
  keepFrom: number,
  settings: RetentionSettings,
  wallMs: number,
): number {
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  let cut = segments[0]?.base ?? 0;
  for (let at = 0; at + 1 < segments.length; at++) {
    const segment = segments[at];
    const next = segments[at + 1];
    if (!segment || !next || next.base > keepFrom) break;
    // A segment's last record is about as old as the next segment's start.
    const isOld = wallMs - next.createdMs > settings.retentionHours * HOUR_MS;
    const isTooMuch = settings.retentionBytesMax !== null && total > settings.retentionBytesMax;
    if (!isOld && !isTooMuch) break;
    total -= segment.bytes;
    cut = next.base;
  }
  return cut;
}
