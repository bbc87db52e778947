/**
 * Reads the log for destinations: records with their stored events, duplicates left out by the
 * dispatcher's verdicts. Destinations at the same place share what one of them has read, so that
 * ten of them look at an event once.
 */
import { toError } from '../../base/errors.ts';
import type { Disk } from '../../base/disk.ts';
import type { Ledger } from '../../dispatch/ledger.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { Archive } from '../../lake/archive.ts';
import { openLogReader } from '../../log/log-reader.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { listSegments } from '../../log/segments.ts';
import type { Logger } from '../../observe/logger.ts';
import { readArchivedChunk, readArchivedEvent } from './archived-records.ts';
import { clearCache, createChunkCache, readThrough } from './chunk-cache.ts';
import type { ChunkCache } from './chunk-cache.ts';
import type { Feed, FeedChunk } from './feed-contract.ts';
import { closeReaders, keepReader, takeReader } from './idle-readers.ts';
import type { IdleReaders } from './idle-readers.ts';
import { eventsOf } from './record-events.ts';

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

interface OpenFeed extends FeedOptions {
  cache: ChunkCache<FeedChunk>;
  idle: IdleReaders;
}

const CHUNK_BYTES = 512 * 1024;
const CACHE_BYTES_MAX = 16 * 1024 * 1024;
/** Records are mostly smaller; a larger one is read in a second step. */
const LOOKUP_BYTES = 64 * 1024;

/** Opens no file before the first question. */
export function openFeed(options: FeedOptions): Feed {
  const { archive } = options;
  const feed: OpenFeed = { ...options, cache: createChunkCache(CACHE_BYTES_MAX), idle: new Map() };
  return {
    read(partition, from, upTo) {
      if (from >= upTo) return Promise.resolve(null);
      const read = (): Promise<FeedChunk | null> => readChunk(feed, partition, from, upTo);
      return readThrough(feed.cache, placeOf(partition, from), read).then(
        (chunk) => chunk && cutAt(chunk, upTo),
      );
    },
    event: (partition, position, index) => readEvent(feed, partition, position, index),
    async segments(partition) {
      const segments = await listSegments(feed.disk, folderOf(feed, partition));
      return segments.map(({ base, createdMs, bytes }) => ({ base, createdMs, bytes }));
    },
    firstPosition: (partition, receivedMs) => archive.firstPosition(partition, receivedMs),
    async close() {
      archive.close();
      await closeReaders(feed.idle);
      clearCache(feed.cache);
    },
  };
}

/** A shared chunk was read by somebody who may read further than who asks for it now. */
function cutAt(chunk: FeedChunk, upTo: number): FeedChunk {
  if (chunk.next <= upTo) return chunk;
  const records = chunk.records.filter(({ next }) => next <= upTo);
  const bytes = records.reduce((sum, record) => sum + record.bytes, 0);
  return { records, next: upTo, bytes };
}

async function readChunk(
  feed: OpenFeed,
  partition: string,
  from: number,
  upTo: number,
): Promise<FeedChunk | null> {
  // Where a reader stands there is log.
  if (!feed.idle.has(placeOf(partition, from))) {
    const begin = await logBegin(feed, partition);
    if (from < begin) {
      return readArchivedChunk(feed.archive, partition, from, Math.min(begin, upTo));
    }
  }
  const reader = await readerAt(feed, partition, from);
  let chunk: FeedChunk;
  try {
    chunk = await readWith(feed, reader, partition, from, upTo);
  } catch (error) {
    await reader.close();
    throw error;
  }
  await keepReader(feed.idle, placeOf(partition, chunk.next), reader);
  return chunk.next === from ? null : chunk;
}

async function logBegin(feed: OpenFeed, partition: string): Promise<number> {
  const [first] = await listSegments(feed.disk, folderOf(feed, partition));
  return first?.base ?? 0;
}

async function readerAt(feed: OpenFeed, partition: string, from: number): Promise<LogReader> {
  const known = takeReader(feed.idle, placeOf(partition, from));
  return known ?? openLogReader({ disk: feed.disk, folder: folderOf(feed, partition), from });
}

/** The next records without duplicates. */
async function readWith(
  { logger, ledger }: OpenFeed,
  reader: LogReader,
  partition: string,
  from: number,
  upTo: number,
): Promise<FeedChunk> {
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
  return { records: parsed, next, bytes: next - from };
}

async function readEvent(
  feed: OpenFeed,
  partition: string,
  position: number,
  index: number,
): Promise<StoredEvent | null> {
  const { disk, logger, archive } = feed;
  const folder = folderOf(feed, partition);
  const reader = await openLogReader({ disk, folder, from: position });
  try {
    const { records } = await reader.read(Number.POSITIVE_INFINITY, LOOKUP_BYTES);
    const [record] = records;
    if (!record || record.position !== position) {
      return await readArchivedEvent(archive, partition, position, index);
    }
    const events = eventsOf(record.payload, partition, position);
    return events.find((event) => event.index === index) ?? null;
  } catch (error) {
    logger.warn({ partition, position, reason: toError(error).message }, 'record unreadable');
    return null;
  } finally {
    await reader.close();
  }
}

function folderOf({ folders }: OpenFeed, partition: string): string {
  return folders.get(partition) ?? partition;
}

/** A name for a place in the log. */
function placeOf(partition: string, position: number): string {
  return `${partition}@${position}`;
}
