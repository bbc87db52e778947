/**
 * Which objects a batch becomes. Their keys follow from the batch alone, and a batch that is tried
 * again has the same events: the same objects are written again, and every event is there once.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { DeliveryBatch, DeliveryEvent } from '../destination-contract.ts';
import { joinTexts } from '../event-json.ts';
import type { S3Settings } from './s3-settings.ts';

/** Events of one source, received on one UTC day, from one partition. */
export interface ObjectGroup {
  sourceId: string;
  sourceSlug: string;
  partition: string;
  /** UTC midnight. */
  dayMs: number;
  /** `<partition>-<from>-<to>`; a replay and repeated dead letters have names of their own. */
  place: string;
  events: DeliveryEvent[];
  /** The message of each event as JSON. */
  texts: Buffer[];
}

const DAY_MS = 86_400_000;
const LINES = { before: '', between: '\n', behind: '\n' };
const gzipped = promisify(gzip);

/** @param texts JSON of the messages of `events`, which are those of the batch that have one. */
export function groupsOf(
  batch: DeliveryBatch,
  events: readonly DeliveryEvent[],
  texts: readonly Buffer[],
): ObjectGroup[] {
  const groups = new Map<string, ObjectGroup>();
  for (const [at, event] of events.entries()) {
    const { sourceId, sourceSlug, partition } = event;
    const dayMs = Math.floor(event.receivedAtMs / DAY_MS) * DAY_MS;
    const key = `${dayMs}/${sourceId}/${partition}`;
    let group = groups.get(key);
    if (!group) {
      const place = placeOf(batch, partition);
      group = { sourceId, sourceSlug, partition, dayMs, place, events: [], texts: [] };
      groups.set(key, group);
    }
    group.events.push(event);
    group.texts.push(texts[at] ?? Buffer.alloc(0));
  }
  return [...groups.values()];
}

/**
 * A replay takes a part of what live delivery took from the same places, so under the same name it
 * would put a part in the place of the whole.
 */
function placeOf({ ranges, replayId, token }: DeliveryBatch, partition: string): string {
  const range = ranges.find((candidate) => candidate.partition === partition);
  const part = range ? `${range.from}-${range.to}` : `again-${token}`;
  const place = `${partition}-${part}`;
  return replayId === null ? place : `${place}-replay-${replayId}`;
}

/** Where the rows of a group go; the folders are columns to tools that know Hive's layout. */
export function parquetKey({ prefix }: S3Settings, group: ObjectGroup): string {
  const { sourceSlug, place } = group;
  return `${prefix}events/day=${dayText(group)}/source=${sourceSlug}/${place}.parquet`;
}

/** Segment's layout ("Amazon S3 destination", data format). */
export function segmentLogsKey({ prefix }: S3Settings, group: ObjectGroup): string {
  const { sourceId, dayMs, place } = group;
  return `${prefix}segment-logs/${sourceId}/${dayMs}/${place}.gz`;
}

/** The messages of a group, one a line. The same for the same events: gzip gets no time. */
export function segmentLogsBody({ texts }: ObjectGroup): Promise<Buffer> {
  return gzipped(joinTexts(texts, LINES));
}

/** `2026-03-04` */
function dayText({ dayMs }: ObjectGroup): string {
  return new Date(dayMs).toISOString().slice(0, 10);
}
