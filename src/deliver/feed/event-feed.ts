/**
 * The log as destinations read it: records with their stored events, duplicates left out by the
 * dispatcher's verdicts. Destinations at the same place share what one of them has read, so that
 * ten of them look at an event once.
 */
import { toError } from '../../base/errors.ts';
import type { Disk } from '../../base/disk.ts';
import type { Ledger } from '../../dispatch/ledger.ts';
import { decodePayload } from '../../events/envelope.ts';
import { rawEvents, storedEvent } from '../../events/raw-event.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import { copyRawItems, createRawItems } from '../../events/raw-items.ts';
import { readRawRecord } from '../../events/raw-record.ts';
import type { Archive } from '../../lake/archive.ts';
import { openLogReader } from '../../log/log-reader.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { listSegments } from '../../log/segments.ts';
import type { Logger } from '../../observe/logger.ts';

export interface FeedRecord {
  position: number;
  next: number;
  events: StoredEvent[];
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
  /**
   * What is from a place on, up to the judged end; null when there is nothing yet. Below the
   * beginning of the log it comes from the archive.
   */
  read(partition: string, from: number, upTo: number): Promise<FeedChunk | null>;
  /** One stored event, or null when its record is gone or damaged. */
  event(partition: string, position: number, index: number): Promise<StoredEvent | null>;
  /** Where the log begins and, for each segment, when it was begun. */
  segments(partition: string): Promise<{ base: number; createdMs: number; bytes: number }[]>;
  /** The first place with an event received at or after the time, if the archive has one. */
  firstPosition(partition: string, receivedMs: number): Promise<number | null>;
  close(): Promise<void>;
}

export interface FeedOptions {
  disk: Disk;
  logger: Logger;
  /** Read-only. */
  ledger: Pick<Ledger, 'duplicatesBetween'>;
  /** Folder of each partition. */
  folders: ReadonlyMap<string, string>;
  /** Where events are found that the log has let go. */
  archive: Archive;
}

const CHUNK_BYTES = 512 * 1024;
const CACHE_BYTES_MAX = 16 * 1024 * 1024;
const IDLE_READERS_MAX = 16;
/** Records are mostly smaller; a larger one is read in a second step. */
const LOOKUP_BYTES = 64 * 1024;
/** Nobody knows how large the record of an archived event was; this is typical. */
const ARCHIVED_EVENT_BYTES = 600;

export function openFeed(options: FeedOptions): Feed {
  const { disk, logger, ledger, folders, archive } = options;
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
  const readArchive = async (partition: string, from: number, to: number): Promise<FeedChunk> => {
    const { events, next } = await archive.read(partition, from, to);
    const records: FeedRecord[] = [];
    for (const archived of events) {
      const event = storedEvent(archived);
      const last = records.at(-1);
      if (last?.position === event.position) {
        last.events.push(event);
        continue;
      }
      if (last) last.next = event.position;
      records.push({ position: event.position, next, events: [event], bytes: 0 });
    }
    for (const record of records) {
      record.bytes = record.events.length * ARCHIVED_EVENT_BYTES;
    }
    const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
    return { records, next, bytes };
  };
  const logBegin = async (partition: string): Promise<number> => {
    const [first] = await listSegments(disk, folderOf(partition));
    return first?.base ?? 0;
  };
  const readChunk = async (
    partition: string,
    from: number,
    upTo: number,
  ): Promise<FeedChunk | null> => {
    if (!idle.has(keyOf(partition, from))) {
      const begin = await logBegin(partition);
      if (from < begin) return readArchive(partition, from, Math.min(begin, upTo));
    }
    const reader = await readerAt(partition, from);
    let chunk: FeedChunk;
    try {
      const { records, next, damage } = await reader.read(upTo, CHUNK_BYTES);
      for (const { from: start, to, reason } of damage) {
        logger.warn({ partition, from: start, to, reason }, 'delivery skips a damaged log range');
      }
      const duplicates = ledger.duplicatesBetween(partition, from, next);
      const parsed = records.map(({ position, next: after, payload }) => {
        const events = eventsOf(payload, partition, position);
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
  const archived = async (
    partition: string,
    position: number,
    index: number,
  ): Promise<StoredEvent | null> => {
    const { events } = await archive.read(partition, position, position + 1);
    const event = events.find((candidate) => candidate.index === index);
    return event ? storedEvent(event) : null;
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
        if (!record || record.position !== position)
          return await archived(partition, position, index);
        const events = eventsOf(record.payload, partition, position);
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
    firstPosition: (partition, receivedMs) => archive.firstPosition(partition, receivedMs),
    async close() {
      archive.close();
      for (const reader of idle.values()) await reader.close();
      idle.clear();
      cache.clear();
    },
  };
}

const scratch = createRawItems();

/** @param payload a view of what the reader holds, which the events outlive. */
function eventsOf(payload: Uint8Array, partition: string, position: number): StoredEvent[] {
  const { envelope, body } = decodePayload(Buffer.from(payload));
  if (envelope.kind === 'rejected') return [];
  const record = readRawRecord({ partition, position }, envelope, body, scratch);
  return rawEvents({ ...record, items: copyRawItems(scratch) });
}

function keyOf(partition: string, position: number): string {
  return `${partition}@${position}`;
}
