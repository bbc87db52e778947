/**
 * What a stream in log order knows beside what all streams know: the batch that is gathering, what
 * was read ahead of it, and how large it may get; and how these change.
 */
import type { FeedRecord } from '../feed/feed-contract.ts';
import type { Intent } from '../state/delivery-rows.ts';
import type { StreamContext } from '../streams/delivery-stream.ts';
import { openStreamState } from '../streams/stream-state.ts';
import type { StreamState } from '../streams/stream-state.ts';

export interface PlacedRecord {
  partition: string;
  record: FeedRecord;
}

/** Records that were read and will go together. */
export interface Gathering {
  records: PlacedRecord[];
  /** End of what was read, by partition. */
  ends: Map<string, number>;
  events: number;
  bytes: number;
  /** Monotonic time of its first record. */
  sinceMs: number;
}

export interface LogOrderState extends StreamState {
  /** Read and not yet gathered: what did not fit into the last batch. */
  ahead: PlacedRecord[];
  gathering: Gathering;
  /** Most records of a batch, while an event is looked for that the destination cannot bear. */
  recordsMax: number;
  /** Defects of the destination's code in a row. */
  defects: number;
  /** Events of the batch that is being tried. */
  inFlight: number;
}

export function openLogOrderState(context: StreamContext): LogOrderState {
  return {
    ...openStreamState(context),
    ahead: [],
    gathering: emptyGathering(context.clock.monotonicMs()),
    recordsMax: Number.POSITIVE_INFINITY,
    defects: 0,
    inFlight: 0,
  };
}

function emptyGathering(nowMs: number): Gathering {
  return { records: [], ends: new Map(), events: 0, bytes: 0, sinceMs: nowMs };
}

/** The batch takes no more. */
export function isFull({ gathering, recordsMax, context: { pace } }: LogOrderState): boolean {
  return (
    gathering.events >= pace.batchEvents ||
    gathering.bytes >= pace.batchBytes ||
    gathering.records.length >= recordsMax
  );
}

/** Puts a record into the batch. */
export function gather({ gathering, context }: LogOrderState, placed: PlacedRecord): void {
  const { partition, record } = placed;
  if (gathering.records.length === 0) gathering.sinceMs = context.clock.monotonicMs();
  gathering.records.push(placed);
  gathering.ends.set(partition, record.next);
  gathering.events += record.events.length;
  gathering.bytes += record.bytes;
}

/** Puts a record into the batch, or aside for the next one. */
export function gatherOrKeep(stream: LogOrderState, placed: PlacedRecord): void {
  if (isFull(stream)) stream.ahead.push(placed);
  else gather(stream, placed);
}

/** Begins the next batch. */
export function startGathering(stream: LogOrderState): void {
  stream.gathering = emptyGathering(stream.context.clock.monotonicMs());
}

/** Puts the records of the batch back in front of what was read ahead, to be gathered anew. */
export function gatherAgain(stream: LogOrderState): void {
  stream.ahead = [...stream.gathering.records, ...stream.ahead];
  startGathering(stream);
}

/** The batch is delivered: the next one may be as large as the destination wants. */
export function liftRecordsMax(stream: LogOrderState): void {
  stream.recordsMax = Number.POSITIVE_INFINITY;
  stream.defects = 0;
}

/** Receipt time of the newest event of the batch; 0: it has none. */
export function newestGathered({ gathering }: LogOrderState): number {
  const newest = gathering.records.findLast(({ record }) => record.events.length > 0);
  return newest?.record.events.at(-1)?.receivedAtMs ?? 0;
}

/** The part of the log that the batch is: from the cursors to what was read. */
export function gatheredRanges({ gathering, cursors }: LogOrderState): Intent['ranges'] {
  return [...gathering.ends].map(([partition, to]) => {
    return { partition, from: cursors.get(partition)?.position ?? 0, to };
  });
}
