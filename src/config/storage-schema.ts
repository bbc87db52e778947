/** Settings of the log, of its readers and of SQL. */
import { z } from 'zod';
import { bytes, choice, integer, milliseconds, text } from './fields.ts';

const MIB = 2 ** 20;

/** A number of bytes as DuckDB reads it. */
function engineSize(notes: { description: string }) {
  return text(/^[1-9]\d*\s?([KMGT]i?B)$/, { allowed: 'text such as 512MB or 2GiB', ...notes });
}

export const storeSchema = z.strictObject({
  engine: choice(['sqlite', 'postgres'], {
    description:
      'Where sources, keys, destinations and people are: a file of the data folder, or a ' +
      'PostgreSQL that several nodes share.',
  }).default('sqlite'),
  url: text(/^postgres(ql)?:\/\/./, {
    allowed: 'URL such as postgres://user:password@host:5432/database?sslmode=verify-full',
    description: 'The PostgreSQL of `engine: postgres`; `${NAME}` is taken from the environment.',
    isSecret: true,
  })
    .nullable()
    .default(null),
  schema: text(/^[a-z_][a-z0-9_]{0,62}$/, {
    allowed: 'a-z, 0-9 and _, at most 63 characters',
    description: 'Schema of PostgreSQL that holds the tables; made when it is not there.',
  }).default('millrace'),
  timeoutMs: milliseconds({
    min: 100,
    max: 60_000,
    description: 'How long PostgreSQL may take to connect, and for each statement.',
  }).default(5_000),
});

export const logSchema = z.strictObject({
  segmentBytesMax: bytes({
    min: MIB,
    max: 2 ** 40,
    description: 'Size at which the log begins a new segment file.',
  }).default(128 * MIB),
  retentionHours: integer({
    min: 1,
    max: 24 * 366 * 100,
    unit: 'hours',
    description: 'How long the log keeps what its readers have read.',
  }).default(168),
  retentionBytesMax: bytes({
    min: MIB,
    description: 'Size at which the log of a partition drops its oldest segments; null: none.',
  })
    .nullable()
    .default(null),
  minFreeBytes: bytes({
    description: 'Free disk space below which events are answered 503.',
  }).default(64 * MIB),
});

export const dispatchSchema = z.strictObject({
  dedupWindowHours: integer({
    min: 1,
    max: 24 * 31,
    unit: 'hours',
    description: 'How long a messageId is remembered per source; a repetition is a duplicate.',
  }).default(24),
  dedupKeysMax: integer({
    min: 1_000,
    max: 1_000_000_000,
    unit: 'messageIds',
    description: 'Most messageIds remembered; the oldest are forgotten first.',
  }).default(20_000_000),
});

export const lakeSchema = z.strictObject({
  flushRows: integer({
    min: 1,
    max: 10_000_000,
    unit: 'rows',
    description: 'Rows of the hot tail at which they become a file of the lake.',
  }).default(100_000),
  flushBytes: bytes({
    min: MIB,
    description: 'Bytes of the hot tail at which its rows become a file of the lake.',
  }).default(128 * MIB),
  flushSeconds: integer({
    min: 1,
    max: 86_400,
    unit: 'seconds',
    description: 'Age at which rows of the hot tail become a file of the lake.',
  }).default(60),
  pollMs: milliseconds({
    max: 60_000,
    description:
      'Shortest time between two parts of the hot tail: longer is cheaper, shorter is fresher.',
  }).default(200),
  compactFilesMin: integer({
    min: 2,
    max: 10_000,
    unit: 'files',
    description: 'Small Parquet files of a day at which they are merged.',
  }).default(8),
  memoryLimit: engineSize({
    description: 'Memory that DuckDB may use to load events and to write files.',
  }).default('256MB'),
  threads: integer({
    min: 1,
    max: 256,
    unit: 'threads',
    description: 'Threads that DuckDB may use to load events and to write files.',
  }).default(1),
  rejectedRowsMax: integer({
    unit: 'rows',
    description: 'Most rejected events kept; the oldest go first.',
  }).default(1_000_000),
  retentionDays: integer({
    min: 1,
    max: 366 * 100,
    unit: 'days',
    description: 'How long the lake keeps events, in whole days of receipt (UTC); null: for ever.',
  })
    .nullable()
    .default(null),
});

export const sqlSchema = z.strictObject({
  timeoutMs: milliseconds({ description: 'How long a query may run.' }).default(30_000),
  rowsMax: integer({
    min: 1,
    max: 10_000_000,
    unit: 'rows',
    description: 'Most rows of a result.',
  }).default(10_000),
  memoryLimit: engineSize({
    description: 'Memory that DuckDB may use in each process that runs queries.',
  }).default('512MB'),
  threads: integer({
    min: 1,
    max: 256,
    unit: 'threads',
    description: 'Threads that DuckDB may use in each process that runs queries.',
  }).default(2),
  answerBytesMax: bytes({
    min: 1_048_576,
    description: 'Most bytes of an answer; a query with more fails, whatever its rows.',
  }).default(33_554_432),
  processBytesMax: bytes({
    min: 268_435_456,
    description: 'Memory of a whole process that runs queries; one that takes more is ended.',
  }).default(1_610_612_736),
  temporaryLimit: engineSize({
    description: 'Disk that a query may use for what does not fit into its memory.',
  }).default('4GB'),
  processesMax: integer({
    min: 1,
    max: 64,
    unit: 'processes',
    description: 'Queries of people that run at once, each in a process of its own.',
  }).default(3),
  waitingMax: integer({
    max: 10_000,
    unit: 'queries',
    description: 'Queries of people that wait for a process; beyond them they are refused.',
  }).default(50),
});
