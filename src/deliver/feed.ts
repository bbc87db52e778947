/**
 * The log as destinations read it: records with their stored events, duplicates left out by the
 * dispatcher's verdicts. Destinations at the same place share what one of them has read, so that
 * ten of them parse an event once.
 */
import { toError } from '../base/errors.ts';
import type { Disk } from '../base/disk.ts';
import type { Ledger } from '../dispatch/ledger.ts';
import { normaliseRecord } from '../events/normalise.ts';
import type { NormalEvent } from '../events/normalise.ts';
import { openLogReader } from '../log/log-reader.ts';
import type { LogReader } from '../log/log-reader.ts';
import { listSegments } from '../log/segments.ts';
import type { Logger } from '../observe/logger.ts';

export interface FeedRecord {
  position: number;
  next: number;
  events: readonly NormalEvent[];
  /** Of the record, for bounding memory. */
  bytes: number;
}

export interface FeedChunk {
  records: readonly FeedRecord[];
  /** Where the next chunk begins; damage and foreign bytes are stepped over. */
  next: number;
  bytes: number;
}

export interface Feed {
  /** What is from a record boundary on, up to the judged end; null when there is nothing yet. */
  read(partition: string, from: number, upTo: number): Promise<FeedChunk | null>;
  /** One stored event, or null when its record is gone or damaged. */
  event(partition: string, position: number, index: number): Promise<NormalEvent | null>;
  /** Where the log begins and, for each segment, when it was begun. */
  segments(partition: string): Promise<{ base: number; createdMs: number; bytes: number }[]>;
  close(): Promise<void>;
}

export interface FeedOptions {
  disk: Disk;
  logger: Logger;
  /** Read-only. */
  ledger: Pick<Ledger, 'duplicatesBetween'>;
  /** Folder of each partition. */
  folders: ReadonlyMap<string, string>;
}

const CHUNK_BYTES = 512 * 1024;
const CACHE_BYTES_MAX = 16 * 1024 * 1024;
const IDLE_READERS_MAX = 16;
/** Records are mostly smaller; a larger one is read in a second step. */
const LOOKUP_BYTES = 64 * 1024;

export function openFeed(options: FeedOptions): Feed {
  const { disk, logger, ledger, folders } = options;
  const cache = new Map<string, Promise<FeedChunk | null>>();
  const sizes = new Map<string, number>();
  let cachedBytes = 0;
  /** Readers that stand where a chunk ended, by place. */
  const idle = new Map<string, LogReader>();

  const folderOf = (partition: string): string => folders.get(partition) ?? partition;
  const readerAt = async (partition: string, from: number): Promise<LogReader> => {
    const key = keyOf(partition, from);
    const known = idle.get(key);
    idle.delete(key);
    return known ?? openLogReader({ disk, folder: folderOf(partition), from });
  };
  const keepReader = async (partition: string, at: number, reader: LogReader): Promise<void> => {
    const key = keyOf(partition, at);
    if (idle.has(key)) return reader.close();
    idle.set(key, reader);
    for (const [oldest, old] of idle) {
      if (idle.size <= IDLE_READERS_MAX) break;
      idle.delete(oldest);
      await old.close();
    }
  };
  const readChunk = async (
    partition: string,
    from: number,
    upTo: number,
  ): Promise<FeedChunk | null> => {
    const reader = await readerAt(partition, from);
    let chunk: FeedChunk;
    try {
      const { records, next, damage } = await reader.read(upTo, CHUNK_BYTES);
      for (const { from: start, to, reason } of damage) {
        logger.warn({ partition, from: start, to, reason }, 'delivery skips a damaged log range');
      }
      const duplicates = ledger.duplicatesBetween(partition, from, next);
      const parsed = records.map(({ position, next: after, payload }) => {
        const { events } = normaliseRecord(payload, { partition, position });
        const stored =
          duplicates.size === 0
            ? events
            : events.filter(({ index }) => !duplicates.has(`${position}:${index}`));
        return { position, next: after, events: stored, bytes: after - position };
      });
      chunk = { records: parsed, next, bytes: next - from };
    } catch (error) {
      await reader.close();
      throw error;
    }
    await keepReader(partition, chunk.next, reader);
    return chunk.next === from ? null : chunk;
  };
  const forget = (key: string): void => {
    cache.delete(key);
    cachedBytes -= sizes.get(key) ?? 0;
    sizes.delete(key);
  };
  const remember = (key: string, chunk: FeedChunk | null): void => {
    if (chunk === null) return forget(key);
    sizes.set(key, chunk.bytes);
    cachedBytes += chunk.bytes;
    for (const oldest of cache.keys()) {
      if (cachedBytes <= CACHE_BYTES_MAX || oldest === key) break;
      forget(oldest);
    }
  };

  return {
    read(partition, from, upTo) {
      if (from >= upTo) return Promise.resolve(null);
      const key = keyOf(partition, from);
      const known = cache.get(key);
      if (known) return known;
      const reading = readChunk(partition, from, upTo);
      cache.set(key, reading);
      reading.then(
        (chunk) => remember(key, chunk),
        () => forget(key),
      );
      return reading;
    },
    async event(partition, position, index) {
      const reader = await openLogReader({ disk, folder: folderOf(partition), from: position });
      try {
        const { records } = await reader.read(Number.POSITIVE_INFINITY, LOOKUP_BYTES);
        const [record] = records;
        if (!record || record.position !== position) return null;
        const { events } = normaliseRecord(record.payload, { partition, position });
        return events.find((event) => event.index === index) ?? null;
      } catch (error) {
        logger.warn({ partition, position, reason: toError(error).message }, 'record unreadable');
        return null;
      } finally {
        await reader.close();
      }
    },
    async segments(partition) {
      const segments = await listSegments(disk, folderOf(partition));
      return segments.map(({ base, createdMs, bytes }) => ({ base, createdMs, bytes }));
    },
    async close() {
      for (const reader of idle.values()) await reader.close();
      idle.clear();
      cache.clear();
    },
  };
}

function keyOf(partition: string, position: number): string {
  return `${partition}@${position}`;
}
