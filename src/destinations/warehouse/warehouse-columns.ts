/**
 * What is known of a table in a warehouse, what a batch wants it to become, and where each value of
 * a row goes. A column is made for the first value of a path and keeps its path and its type. What
 * cannot be in a column (another type, no room, a reserved name) goes to `_rescued` of its row: no
 * value is lost, and none stops the others.
 *
 * Two paths may wish for one name (`orderId`, `order_id`); the first has it and the other gets
 * digits. So that this stays as it is, the database remembers the path of a column in its comment.
 */
import type { JsonObject } from '../../events/json.ts';
import {
  columnNumber,
  numberOfText,
  PLAIN_INTEGER_PATTERN,
  SAFE_INTEGER_MAX,
} from '../../events/number-kinds.ts';
import { FIXED_COLUMNS, RESCUED_COLUMN } from '../../lake/schema/fixed-columns.ts';
import { distinctName } from '../../lake/schema/column-names.ts';
import { fittingName, putAt, SEEN_COLUMN, storableJson } from './warehouse-rows.ts';
import type { Cell, CellType, Dialect, Row, WarehouseKind } from './warehouse-rows.ts';

/** `other` is a type that somebody else gave to the column; we put nothing into it. */
export type ColumnType = CellType | 'json' | 'other';

export interface Column {
  name: string;
  type: ColumnType;
  /** As JSON text, for its comment; null for the columns that every table has. */
  path: string | null;
}

export interface TableModel {
  name: string;
  kind: WarehouseKind;
  isNew: boolean;
  columns: Map<string, Column>;
  /** Column of each path that has one. */
  byPath: Map<string, string>;
  /** Places that are taken, such as by columns that were dropped. */
  usedColumns: number;
  /** Whether a column of integers can become one of fractions without a long lock. */
  canWiden: boolean;
  /** What the database does not have yet. */
  added: Column[];
  widened: Set<string>;
  /** Columns that stay integers: they hold numbers that doubles would round. */
  keptWhole: Set<string>;
}

export interface ColumnLimits {
  columnsMax: number;
  /** For tables whose rows are merged, and so may come to have a value in every column. */
  upsertColumnsMax: number;
  /** Bytes of the values of a row that cannot be moved elsewhere; see `cellBytes`. */
  rowBytesMax: number;
}

const TIMES = new Set([
  'received_at',
  'uuid_ts',
  'sent_at',
  'timestamp',
  'original_timestamp',
  SEEN_COLUMN,
]);
const COMMENT_PREFIX = 'millrace ';
/** PostgreSQL aligns numbers to 8 bytes and leaves 24 in the row of a text stored elsewhere. */
const NUMBER_BYTES = 15;
const TEXT_BYTES_MAX = 24;

/** Columns that a table has from the beginning. */
export function fixedColumns(kind: WarehouseKind): Column[] {
  const names =
    kind === 'users' || kind === 'accounts'
      ? ['id', 'received_at', 'uuid_ts', SEEN_COLUMN]
      : FIXED_COLUMNS[kind].map(([name]) => name);
  const columns = names.map((name): Column => {
    return { name, type: TIMES.has(name) ? 'timestamp' : 'text', path: null };
  });
  return [...columns, { name: RESCUED_COLUMN, type: 'json', path: null }];
}

/** A table that is to be made. */
export function newTable(name: string, kind: WarehouseKind): TableModel {
  const columns = fixedColumns(kind);
  return {
    name,
    kind,
    isNew: true,
    columns: new Map(columns.map((column) => [column.name, column])),
    byPath: new Map(),
    usedColumns: columns.length,
    canWiden: true,
    added: [],
    widened: new Set(),
    keptWhole: new Set(),
  };
}

/** A table as the database has it; `usedColumns` counts at least the columns. */
export function knownTable(
  name: string,
  kind: WarehouseKind,
  columns: readonly Column[],
  facts: { usedColumns: number; canWiden: boolean },
): TableModel {
  const model: TableModel = { ...newTable(name, kind), ...facts, isNew: false };
  model.columns = new Map(columns.map((column) => [column.name, column]));
  for (const column of columns) if (column.path) model.byPath.set(column.path, column.name);
  for (const fixed of fixedColumns(kind)) if (!model.columns.has(fixed.name)) add(model, fixed);
  return model;
}

/** Text for the comment of a column, and the path of such a text. */
export function commentOf({ path }: Column): string | null {
  return path === null ? null : COMMENT_PREFIX + path;
}

export function pathOfComment(comment: string | null): string | null {
  return comment?.startsWith(COMMENT_PREFIX) ? comment.slice(COMMENT_PREFIX.length) : null;
}

/** Makes room in the model for the values of a row; what is new is in `added` and `widened`. */
export function learn(model: TableModel, row: Row, dialect: Dialect, limits: ColumnLimits): void {
  for (const cell of row.cells) {
    if (cell.path === null || cell.column === null) continue;
    const known = model.columns.get(model.byPath.get(cell.pathText) ?? '');
    if (known) {
      widen(model, known, cell);
      continue;
    }
    const name = newColumn(model, cell, dialect, limits);
    if (name !== null) model.byPath.set(cell.pathText, name);
  }
}

/** A whole number that a column of integers cannot take is no reason to lose the others. */
function widen(model: TableModel, column: Column, { type, value, text }: Cell): void {
  if (column.type !== 'integer' || type !== 'float') return;
  if (value === null || /^-?\d+$/.test(text) || model.keptWhole.has(column.name)) return;
  if (model.added.includes(column)) column.type = 'float';
  else if (model.canWiden) {
    column.type = 'float';
    model.widened.add(column.name);
  }
}

/** Takes back that a column becomes one of fractions: it holds what doubles would round. */
export function keepWhole(model: TableModel, name: string): void {
  const column = model.columns.get(name);
  if (column) column.type = 'integer';
  model.widened.delete(name);
  model.keptWhole.add(name);
}

/** SQL: true for what a double cannot be trusted with. @param column quoted. */
export function beyondDoubles(column: string): string {
  const end = String(SAFE_INTEGER_MAX);
  return `${column} > ${end} or ${column} < -${end}`;
}

/** The column of a path that is new to the table, or null when there can be none. */
function newColumn(
  model: TableModel,
  cell: Cell,
  dialect: Dialect,
  limits: ColumnLimits,
): string | null {
  const { column: wish, type, pathText: path } = cell;
  if (wish === null) return null;
  const taken = model.columns.get(wish);
  // A column without a path was made by somebody else, for values of this name.
  if (taken?.path === null && !model.isNew && !isFixed(model, wish)) {
    taken.path = path;
    widen(model, taken, cell);
    return wish;
  }
  const isUpsert = model.kind === 'users' || model.kind === 'accounts';
  const columnsMax = Math.min(limits.columnsMax, isUpsert ? limits.upsertColumnsMax : Infinity);
  if (model.usedColumns >= columnsMax) return null;
  const name = taken ? fittingName(distinctName(wish, path), dialect) : wish;
  if (model.columns.has(name)) return null;
  add(model, { name, type, path });
  return name;
}

function isFixed(model: TableModel, name: string): boolean {
  return fixedColumns(model.kind).some((column) => column.name === name);
}

function add(model: TableModel, column: Column): void {
  model.columns.set(column.name, column);
  model.added.push(column);
  model.usedColumns++;
}

/**
 * The values of a row by column, `_rescued` among them when something has no other place.
 * Call `learn` with the row first.
 */
export function place(
  model: TableModel,
  row: Row,
  dialect: Dialect,
  limits: ColumnLimits,
): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const rescued: JsonObject = Object.create(null) as JsonObject;
  let bytes = 0;
  for (const cell of row.cells) {
    const name = cell.path ? model.byPath.get(cell.pathText) : cell.column;
    const column = cell.column === null ? undefined : model.columns.get(name ?? '');
    const value = column ? fittingValue(column.type, cell, dialect) : undefined;
    const size = cellBytes(value);
    const isFull = cell.path !== null && bytes + size > limits.rowBytesMax;
    if (column && value !== undefined && !values.has(column.name) && !isFull) {
      values.set(column.name, value);
      bytes += size;
    } else {
      putAt(rescued, cell.path ?? [cell.column ?? ''], cell.raw);
    }
  }
  if (Object.keys(rescued).length > 0) values.set(RESCUED_COLUMN, storableJson(rescued));
  return values;
}

/** The value as the column takes it, or undefined when it does not: none is changed. */
function fittingValue(type: ColumnType, cell: Cell, dialect: Dialect): unknown {
  switch (type) {
    case 'text':
      return cell.text;
    case 'boolean':
      if (cell.type === 'boolean') return cell.value;
      return cell.raw === 'true' || cell.raw === 'false' ? cell.raw === 'true' : undefined;
    case 'timestamp': {
      const isTime = cell.type === 'timestamp' && dialect.holdsTimestamp(String(cell.value));
      return isTime ? cell.value : undefined;
    }
    case 'integer':
    case 'float':
      return numberOf(cell, type) ?? undefined;
    case 'json':
    case 'other':
      return undefined;
  }
}

/** Of a number, or of a text that says one: `"6"` is 6. */
function numberOf(cell: Cell, type: 'integer' | 'float'): string | number | null {
  const isNumber = cell.type === 'integer' || cell.type === 'float';
  const isText = cell.type === 'text' && typeof cell.raw === 'string';
  if (!isNumber && !isText) return null;
  const found = isNumber ? columnNumber(cell.text) : numberOfText(cell.text);
  if (found === null || found.value === null) return null;
  if (type === 'integer') {
    // A text with a fraction, as in "6.0", says that it is no integer.
    const isWhole = found.type === 'integer' && (isNumber || INTEGER.test(cell.text));
    return isWhole ? integerOf(found.value) : null;
  }
  if (found.type === 'float') return found.value;
  const double = Number(found.value);
  return Number.isSafeInteger(double) || columnNumber(String(double)).value === found.value
    ? double
    : null;
}

const INTEGER = new RegExp(`^(${PLAIN_INTEGER_PATTERN})$`);

function integerOf(value: bigint): string | number {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** Bytes that a value surely needs in its row at most. */
function cellBytes(value: unknown): number {
  if (typeof value !== 'string') return NUMBER_BYTES;
  return Math.min(value.length * 4 + 1, TEXT_BYTES_MAX);
}

/** Puts a later row of the same key over an earlier one: its values win, the others stay. */
export function mergeValues(
  earlier: Map<string, unknown>,
  later: ReadonlyMap<string, unknown>,
): void {
  for (const [name, value] of later) {
    const old = earlier.get(name);
    const isOlder = TIMES.has(name) && typeof old === 'string' && old > String(value);
    if (!isOlder) earlier.set(name, value);
  }
}
