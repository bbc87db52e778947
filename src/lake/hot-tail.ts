/**
 * The newest rows, in memory, as tables `hot_<table>_<generation>`. A generation takes rows until
 * it is frozen; then the next one takes them while the frozen one is written to Parquet, and it is
 * dropped in the same transaction that shows the file. Rebuilt from the log at every start.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Disk } from '../base/disk.ts';
import { toError } from '../base/errors.ts';
import type { Cell } from '../observe/metrics.ts';
import type { Logger } from '../observe/logger.ts';
import { columnDefinitions, columnStruct, rowLine } from './columns.ts';
import type { Row } from './columns.ts';
import { quote } from './engine.ts';

export interface HotTail {
  /** Adds rows to the open generation; afterwards every query sees them. */
  load(rows: readonly Row[]): Promise<void>;
  rows(): number;
  /** Bytes of the rows as they were loaded; about what they take in memory. */
  bytes(): number;
  /** Tables that hold rows now, oldest first. */
  tables(): string[];
  /** Closes the open generation and opens the next; returns the closed table and its row count. */
  freeze(): Promise<{ table: string; rows: number }>;
  /** Forgets a frozen table; the caller drops it inside its own transaction. */
  forget(table: string): void;
}

export interface HotTailOptions {
  connection: DuckDBConnection;
  disk: Disk;
  /** `events` or `rejected`. */
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

export async function openHotTail(options: HotTailOptions): Promise<HotTail> {
  const { connection, name, columns } = options;
  const tables = new Map<string, { rows: number; bytes: number }>();
  let generation = 0;
  let open = '';
  const openNext = async (): Promise<void> => {
    open = `hot_${name}_${++generation}`;
    await connection.run(`create table ${open} (${columnDefinitions(columns)})`);
    tables.set(open, { rows: 0, bytes: 0 });
  };
  await openNext();
  return {
    async load(rows) {
      if (rows.length === 0) return;
      const bytes = await loadRows(options, open, rows);
      const held = tables.get(open);
      if (!held) return;
      held.rows += rows.length;
      held.bytes += bytes;
    },
    rows: () => [...tables.values()].reduce((sum, held) => sum + held.rows, 0),
    bytes: () => [...tables.values()].reduce((sum, held) => sum + held.bytes, 0),
    tables: () => [...tables.keys()],
    async freeze() {
      const table = open;
      const rows = tables.get(table)?.rows ?? 0;
      await openNext();
      return { table, rows };
    },
    forget: (table) => void tables.delete(table),
  };
}

/**
 * Loads through a temporary file: parsing then happens on the engine's own threads, at ten times
 * the speed of appending value by value. A row that the engine refuses is found by halving, so
 * that it cannot keep its neighbours out.
 */
async function loadRows(
  options: HotTailOptions,
  table: string,
  rows: readonly Row[],
): Promise<number> {
  const pending: (readonly Row[])[] = [rows];
  let bytes = 0;
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    try {
      bytes += await loadPart(options, table, part);
    } catch (error) {
      const [only] = part;
      if (part.length > 1) {
        const middle = part.length >> 1;
        pending.push(part.slice(middle), part.slice(0, middle));
      } else if (only !== undefined) {
        // Short of memory is no fault of the row: the thread ends, and tries again from the log.
        if (/out of memory/i.test(toError(error).message)) throw error;
        options.unloadable.value++;
        const reason = toError(error).message.slice(0, 200);
        options.logger.error({ table, reason }, 'row refused by the SQL engine; kept without JSON');
        bytes += await loadPart(options, table, [withoutJson(options.columns, only)]);
      }
    }
  }
  return bytes;
}

async function loadPart(
  options: HotTailOptions,
  table: string,
  rows: readonly Row[],
): Promise<number> {
  const { connection, disk, columns, temporaryFolder } = options;
  const path = join(temporaryFolder, `${table}.ndjson`);
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
    `insert into ${table} select * from read_json(${quote(path)},
      format = 'newline_delimited', maximum_object_size = ${objectBytesMax},
      columns = ${columnStruct(columns)})`,
  );
  return text.length;
}

/** What is left of a refused row: its identity, and its raw JSON as text in `extra`. */
function withoutJson(columns: Record<string, string>, row: Row): Row {
  const safe: Row = { ...row };
  const raw = Buffer.from(JSON.stringify(row)).toString('base64');
  for (const [name, type] of Object.entries(columns)) if (type === JSON_TYPE) safe[name] = null;
  if ('extra' in columns) safe['extra'] = { unloadable: raw };
  return safe;
}
