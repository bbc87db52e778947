/**
 * The lake's files as an archive of the log: events by their place, long after the log has let
 * their segments go. What comes back is what readers of the log saw, rebuilt from the columns.
 */
import { join } from 'node:path';
import type { NormalEvent } from '../events/normalise.ts';
import type { JsonObject } from '../events/json.ts';
import { isEventType } from '../events/validate.ts';
import { assert } from '../base/assert.ts';
import { openCatalog } from './catalog.ts';
import { openEngine, quote } from './engine.ts';
import type { Engine } from './engine.ts';
import { parquetRelation } from './parquet.ts';

export interface ArchiveChunk {
  /** Events in the order of the log. */
  events: NormalEvent[];
  /** Everything below is in this chunk or an earlier one. */
  next: number;
}

export interface Archive {
  /** Stored events with positions in a part of the range, beginning at `from`. */
  read(partition: string, from: number, to: number): Promise<ArchiveChunk>;
  /** The first position with an event received at or after the time, or null. */
  firstPosition(partition: string, receivedMs: number): Promise<number | null>;
  close(): void;
}

export interface ArchiveOptions {
  dataFolder: string;
  /** Where the engine may put what does not fit into memory; inside the data folder. */
  temporaryFolder: string;
  regionOf(partition: string): string;
  /** From the id of a source to the number that stands for it in the log. */
  sourceNumber(id: string): number;
}

/** Bytes of the log that one read looks at: some thousand events. */
const WINDOW = 4 * 1024 * 1024;
const MEMORY_LIMIT = '256MB';

/** Opens no file before the first question. */
export function openArchive(options: ArchiveOptions): Archive {
  const { dataFolder, temporaryFolder, regionOf, sourceNumber } = options;
  const engines = new Map<string, Promise<Engine>>();
  const engineOf = (region: string): Promise<Engine> => {
    const known = engines.get(region);
    if (known) return known;
    const folders = [temporaryFolder, join(dataFolder, region, 'lake')];
    const engine = openEngine({ memoryLimit: MEMORY_LIMIT, threads: 1, folders });
    engines.set(region, engine);
    return engine;
  };
  const rowsOf = async (
    partition: string,
    sql: (relation: string) => string,
  ): Promise<Record<string, unknown>[]> => {
    const region = regionOf(partition);
    const relation = listedFiles(dataFolder, region);
    if (relation === null) return [];
    const { connection } = await engineOf(region);
    return (await connection.runAndReadAll(sql(relation))).getRowObjectsJson();
  };
  const firstFrom = async (partition: string, from: number, to: number): Promise<number | null> => {
    const [row] = await rowsOf(
      partition,
      (relation) => `select min(position) as position from ${relation}
        where partition = ${quote(partition)} and position >= ${from} and position < ${to}`,
    );
    return row?.['position'] === null || row === undefined ? null : Number(row['position']);
  };

  return {
    async read(partition, from, to) {
      const end = Math.min(to, from + WINDOW);
      const rows = await rowsOf(
        partition,
        (relation) => `select ${COLUMNS} from ${relation}
          where partition = ${quote(partition)} and position >= ${from} and position < ${end}
          order by position, index`,
      );
      if (rows.length > 0) {
        return { events: rows.map((row) => eventOf(row, sourceNumber)), next: end };
      }
      // Nothing here: the next event may be far behind.
      return { events: [], next: (await firstFrom(partition, end, to)) ?? to };
    },
    async firstPosition(partition, receivedMs) {
      const [row] = await rowsOf(
        partition,
        (relation) => `select min(position) as position from ${relation}
          where partition = ${quote(partition)}
          and received_at >= make_timestamp(${receivedMs}000)`,
      );
      return row?.['position'] === null || row === undefined ? null : Number(row['position']);
    },
    close() {
      for (const engine of engines.values()) void engine.then((opened) => opened.close());
      engines.clear();
    },
  };
}

/** As the catalog has them now: compaction changes files at any time. */
function listedFiles(dataFolder: string, region: string): string | null {
  const catalog = openCatalog(join(dataFolder, 'lake.db'), { isReadOnly: true });
  try {
    const files = catalog.files('events').filter((file) => file.region === region);
    return parquetRelation(
      dataFolder,
      files.map(({ path }) => path),
    );
  } finally {
    catalog.close();
  }
}

const COLUMNS = `source_id, type, event, name, category, user_id, anonymous_id, group_id,
  previous_id, message_id, epoch_ms(timestamp) as timestamp_ms,
  epoch_ms(original_timestamp) as original_ms, epoch_ms(sent_at) as sent_ms,
  epoch_ms(received_at) as received_ms, channel, properties, traits, context, integrations,
  metadata, extra, partition, position, index`;

function eventOf(row: Record<string, unknown>, sourceNumber: (id: string) => number): NormalEvent {
  const text = (column: string): string | null =>
    row[column] === null ? null : String(row[column]);
  const type = text('type');
  assert(isEventType(type), 'a row of the lake has the type of an event');
  const partition = String(row['partition']);
  const position = Number(row['position']);
  const index = Number(row['index']);
  const messageId = String(row['message_id']);
  const event: Omit<NormalEvent, 'message'> = {
    sourceNumber: sourceNumber(String(row['source_id'])),
    partition,
    position,
    index,
    type,
    messageId,
    messageIdAssigned: messageId === `millrace-${partition}-${position}-${index}`,
    userId: text('user_id'),
    anonymousId: text('anonymous_id'),
    groupId: text('group_id'),
    previousId: text('previous_id'),
    event: text('event'),
    name: text('name'),
    category: text('category'),
    timestampMs: Number(row['timestamp_ms']),
    originalTimestampMs: Number(row['original_ms']),
    sentAtMs: row['sent_ms'] === null ? null : Number(row['sent_ms']),
    receivedAtMs: Number(row['received_ms']),
    channel: text('channel'),
  };
  return { ...event, message: messageOf(event, row) };
}

/** Segment's delivered shape again; see `events/normalise.ts`. */
function messageOf(event: Omit<NormalEvent, 'message'>, row: Record<string, unknown>): JsonObject {
  const message: JsonObject = { ...(parsed(row['extra']) as JsonObject | null) };
  const given: Record<string, unknown> = {
    type: event.type,
    event: event.event,
    name: event.name,
    category: event.category,
    userId: event.userId,
    anonymousId: event.anonymousId,
    groupId: event.groupId,
    previousId: event.previousId,
    messageId: event.messageId,
    channel: event.channel,
    properties: parsed(row['properties']),
    traits: parsed(row['traits']),
    context: parsed(row['context']) ?? {},
    integrations: parsed(row['integrations']) ?? {},
    _metadata: parsed(row['metadata']),
    timestamp: isoOf(event.timestampMs),
    originalTimestamp: isoOf(event.originalTimestampMs),
    sentAt: event.sentAtMs === null ? null : isoOf(event.sentAtMs),
    receivedAt: isoOf(event.receivedAtMs),
    version: 2,
  };
  for (const [key, value] of Object.entries(given)) if (value !== null) message[key] = value;
  return message;
}

function parsed(value: unknown): unknown {
  return value === null || value === undefined ? null : (JSON.parse(String(value)) as unknown);
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
