/** A table of the SQL engine that is filled with values, through lines of JSON. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Disk } from '../base/disk.ts';
import { toError } from '../base/errors.ts';
import type { Cell } from '../observe/metrics.ts';
import type { Logger } from '../observe/logger.ts';
import { columnDefinitions, columnStruct, rowLine } from './lake-columns.ts';
import type { Row } from './lake-columns.ts';
import { sqlText } from './sql-text.ts';

export interface RowTableOptions {
  connection: DuckDBConnection;
  disk: Disk;
  /** Also the name of the file that rows go through. */
  name: string;
  columns: Record<string, string>;
  temporaryFolder: string;
  unloadable: Cell;
  logger: Logger;
}

const OBJECT_BYTES_MIN = 1024 * 1024;
/** A UTF-16 code unit is at most three bytes of UTF-8. */
const UTF8_BYTES_PER_UNIT = 3;

/** JSON columns are emptied from a row that the engine refuses even alone. */
const JSON_TYPE = 'JSON';

/** Makes the table. */
export async function createRowTable(options: RowTableOptions): Promise<void> {
  const { connection, name, columns } = options;
  await connection.run(`create table ${name} (${columnDefinitions(columns)})`);
}

/**
 * Loads through a temporary file: parsing then happens on the engine's own threads, at ten times
 * the speed of appending value by value. A row that the engine refuses is found by halving, so
 * that it cannot keep its neighbours out.
 */
export async function loadRows(options: RowTableOptions, rows: readonly Row[]): Promise<void> {
  const pending: (readonly Row[])[] = rows.length === 0 ? [] : [rows];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    try {
      await loadPart(options, part);
    } catch (error) {
      const [only] = part;
      if (part.length > 1) {
        const middle = part.length >> 1;
        pending.push(part.slice(middle), part.slice(0, middle));
      } else if (only !== undefined) {
        // Short of memory is no fault of the row.
        if (/out of memory/i.test(toError(error).message)) throw error;
        options.unloadable.value++;
        const reason = toError(error).message.slice(0, 200);
        options.logger.error(
          { table: options.name, reason },
          'row refused by the SQL engine; kept without JSON',
        );
        await loadPart(options, [withoutJson(options.columns, only)]);
      }
    }
  }
}

async function loadPart(options: RowTableOptions, rows: readonly Row[]): Promise<void> {
  const { connection, disk, columns, temporaryFolder, name } = options;
  const path = join(temporaryFolder, `${name}.ndjson`);
  const lines = rows.map(rowLine);
  const text = Buffer.from(lines.join('\n') + '\n');
  // The engine allocates a few times this for each of its threads, so it is no larger than needed.
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  const objectBytesMax = Math.max(OBJECT_BYTES_MIN, longest * UTF8_BYTES_PER_UNIT);
  const file = await disk.open(path, 'write');
  try {
    await file.truncate(0);
    for (let at = 0; at < text.length;) {
      at += await file.write(text, at, text.length - at, at);
    }
  } finally {
    await file.close();
  }
  await connection.run(
    `insert into ${name} select * from read_json(${sqlText(path)},
      format = 'newline_delimited', maximum_object_size = ${objectBytesMax},
      columns = ${columnStruct(columns)})`,
  );
}

/** What is left of a refused row: its identity, and its raw JSON as text in `extra`. */
function withoutJson(columns: Record<string, string>, row: Row): Row {
  const safe: Row = { ...row };
  const raw = Buffer.from(JSON.stringify(row)).toString('base64');
  for (const [name, type] of Object.entries(columns)) if (type === JSON_TYPE) safe[name] = null;
  if ('extra' in columns) safe['extra'] = { unloadable: raw };
  return safe;
}
