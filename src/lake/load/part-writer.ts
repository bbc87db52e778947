/** Makes parts of pending rows: one COPY of the SQL engine, from text to Parquet. */
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert } from '../../base/assert.ts';
import type { Disk } from '../../base/disk.ts';
import { toError } from '../../base/errors.ts';
import { readWholeFile } from '../../base/whole-file.ts';
import type { Random } from '../../base/random.ts';
import type { Cell } from '../../observe/metrics.ts';
import type { Logger } from '../../observe/logger.ts';
import { columnStruct, REJECTED_COLUMNS } from '../lake-columns.ts';
import type { SourceInfo } from '../lake-columns.ts';
import { dayFolder, dayOf, PACKED, PACKED_FOR_NOW } from '../parquet.ts';
import { LINE_COLUMNS } from './event-lines.ts';
import { eventRowsSql, jsonLinesRelation, linesRelation } from './event-rows-sql.ts';
import { LINE_END } from './event-lines.ts';
import type { Part } from './lake-part.ts';
import type { PendingRows } from './pending-rows.ts';
import { sqlText } from '../sql-text.ts';

export interface PartWriterOptions {
  connection: DuckDBConnection;
  disk: Disk;
  logger: Logger;
  unloadable: Cell;
  /** Rows from which on a part is packed as the lake's files are. */
  wholeRowsMin: number;
  dataFolder: string;
  random: Random;
  /** What rows say of their source. */
  sourceOf(sourceNumber: number): SourceInfo;
}

const JSON_BYTES_MIN = 2 * 1024 * 1024;

/**
 * Writes pending rows, whose files are closed, as a part; null when there are none.
 * @throws what the engine throws when it is not the rows' fault: they can be written again.
 */
export async function writePart(
  options: PartWriterOptions,
  pending: PendingRows,
): Promise<Part | null> {
  const { kind, region, rows, counts, files } = pending;
  if (rows === 0) return null;
  const { disk, wholeRowsMin } = options;
  const days = new Set([...counts.values()].map(({ hour }) => dayOf(hour)));
  const [day = ''] = days;
  const isWhole = rows >= wholeRowsMin && days.size === 1;
  const folder = isWhole
    ? dayFolder(options.dataFolder, kind, region, day)
    : dirname(files.lines.path);
  await disk.makeFolder(folder);
  const path = join(folder, `${options.random.uuid()}.parquet`);
  const temporary = path.replace(/parquet$/, 'tmp');
  const relations = relationsOf(pending);
  try {
    const written = await copyRows(options, pending, relations, temporary, isWhole).catch(
      async (error: unknown) => {
        if (!isAboutContent(error)) throw error;
        return salvage(options, pending, temporary, isWhole);
      },
    );
    assert(written === rows, `all ${rows} rows of a part are written, not ${written}`);
    await disk.rename(temporary, path);
  } catch (error) {
    if (await disk.exists(temporary)) await disk.remove(temporary);
    throw error;
  }
  const bytes = files.lines.bytes + files.json.bytes;
  return { kind, region, path, rows, bytes, counts: [...counts.values()], isWhole };
}

function relationsOf({ kind, files, longest, longestJson }: PendingRows): string[] {
  const { lines, json } = files;
  const relations: string[] = [];
  if (lines.bytes > 0) relations.push(linesRelation(lines.path, longest));
  if (json.bytes > 0 && kind === 'events') {
    relations.push(jsonLinesRelation(json.path, longestJson));
  } else if (json.bytes > 0) {
    relations.push(
      `read_json(${sqlText(json.path)}, format = 'newline_delimited',
        maximum_object_size = ${Math.max(JSON_BYTES_MIN, longestJson * 2)},
        columns = ${columnStruct(REJECTED_COLUMNS)})`,
    );
  }
  return relations;
}

async function copyRows(
  { connection, sourceOf }: PartWriterOptions,
  { kind, region, counts }: PendingRows,
  relations: readonly string[],
  path: string,
  isWhole: boolean,
): Promise<number> {
  const numbers = new Set([...counts.values()].map(({ sourceNumber }) => sourceNumber));
  const sources = [...numbers].map(sourceOf);
  const rows =
    kind === 'events' ? eventRowsSql(relations, region, sources) : `select * from ${relations[0]}`;
  const result = await connection.runAndReadAll(
    `copy (${rows}) to ${sqlText(path)} (${isWhole ? PACKED : PACKED_FOR_NOW})`,
  );
  return Number(result.getRowsJson()[0]?.[0]);
}

/** The engine has read the rows and refuses one of them; all else may be better next time. */
function isAboutContent(error: unknown): boolean {
  return /^(Conversion|Invalid Input) Error/.test(toError(error).message);
}

/**
 * A row that the engine refuses is found by halving, so that it cannot keep its neighbours out; it
 * is kept without its documents, and with the line as it was in `extra`.
 */
async function salvage(
  options: PartWriterOptions,
  pending: PendingRows,
  path: string,
  isWhole: boolean,
): Promise<number> {
  const { connection, disk, logger, unloadable } = options;
  assert(pending.kind === 'events', 'every text is a row of rejected events');
  const table = 'salvaged';
  const columns = Object.entries(LINE_COLUMNS).map(([name, type]) => `"${name}" ${type}`);
  await connection.run(`create or replace table ${table} (${columns.join(', ')})`);
  try {
    const { lines, json } = pending.files;
    for (const [file, relationOf] of [
      [lines, linesRelation],
      [json, jsonLinesRelation],
    ] as const) {
      if (file.bytes === 0) continue;
      const own = linesOf(await readWholeFile(disk, file.path));
      const parts = [own];
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        const error = await insertLines(options, table, `${file.path}.part`, part, relationOf);
        if (error === null) continue;
        const [only] = part;
        if (part.length > 1) {
          parts.push(part.slice(part.length >> 1), part.slice(0, part.length >> 1));
        } else if (only !== undefined) {
          unloadable.value++;
          const reason = error.slice(0, 200);
          logger.error({ reason }, 'row refused by the SQL engine; kept without its documents');
          const bare = Buffer.from(JSON.stringify(bareRow(only)));
          await insertLines(options, table, `${file.path}.part`, [bare], jsonLinesRelation);
        }
      }
    }
    return await copyRows(options, pending, [table], path, isWhole);
  } finally {
    await connection.run(`drop table ${table}`);
  }
}

/** Returns null, or what the engine has against the lines. */
async function insertLines(
  { connection, disk }: PartWriterOptions,
  table: string,
  path: string,
  lines: readonly Buffer[],
  relationOf: (path: string, longest: number) => string,
): Promise<string | null> {
  const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from([LINE_END])]));
  const file = await disk.open(path, 'write');
  try {
    await file.truncate(0);
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes, at, bytes.length - at, at);
    }
  } finally {
    await file.close();
  }
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  try {
    await connection.run(`insert into ${table} select * from ${relationOf(path, longest)}`);
    return null;
  } catch (error) {
    if (!isAboutContent(error)) throw error;
    return toError(error).message;
  } finally {
    await disk.remove(path);
  }
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(LINE_END, at);
    lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return lines;
}

/** What is left of a refused row: what identifies it, and the line itself. */
function bareRow(line: Buffer): Record<string, unknown> {
  const names = Object.keys(LINE_COLUMNS);
  const isJson = line[0] === 0x7b;
  const values: Record<string, unknown> = isJson
    ? (JSON.parse(line.toString('utf8')) as Record<string, unknown>)
    : Object.fromEntries(
        line
          .toString('utf8')
          .split('\x1f')
          .map((text, at) => [names[at] ?? '', text === '' ? null : text]),
      );
  const kept = Object.entries(LINE_COLUMNS).map(([name, type]) => [
    name,
    type === 'JSON' ? null : values[name],
  ]);
  const extra = JSON.stringify({ unloadable: line.toString('base64') });
  return { ...Object.fromEntries(kept), extra };
}

/** The folder of a region's parts. */
export function partsFolder(dataFolder: string, region: string): string {
  return join(dataFolder, region, 'parts');
}
