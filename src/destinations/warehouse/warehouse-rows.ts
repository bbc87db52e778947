/**
 * From one event to the rows of Segment's warehouse schema: pure, and with the names of the lake's
 * views (docs/warehouse-schema.md), so that a query works on both. What differs between databases
 * is a `Dialect`; which column a value ends up in, and whether there is one, is decided by
 * columns.ts, which knows the tables that exist.
 */
import { createHash } from 'node:crypto';
import type { DeliveryEvent } from '../destination-contract.ts';
import { exactMessage } from '../event-json.ts';
import { isRawNumber, textOfNumber } from '../../events/exact-json.ts';
import { isObject, textOf } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { columnNumber, SAFE_INTEGER_MAX } from '../../events/number-kinds.ts';
import type { ColumnNumber } from '../../events/number-kinds.ts';
import type { EventType } from '../../events/routes.ts';
import { parseTimestamp } from '../../events/timestamp.ts';
import { isReservedColumn } from '../../lake/schema/fixed-columns.ts';
import { leavesOf, typeOf } from '../../lake/schema/json-leaves.ts';
import { DOCUMENT_OF_KIND } from '../../lake/schema/schema-model.ts';
import type { TableKind } from '../../lake/schema/schema-model.ts';
import { columnName, tableName } from '../../lake/schema/column-names.ts';
import { EVENT_NAME_CHARS_MAX, PATH_CHARS_MAX } from '../../lake/schema/column-registry.ts';

export type CellType = 'timestamp' | 'integer' | 'float' | 'boolean' | 'text';
/** `users` and `accounts` have one row for each id, with its latest values. */
export type WarehouseKind = TableKind | 'users' | 'accounts';

/** When an upserted row was last seen to change; decides which of two values is the newer one. */
export const SEEN_COLUMN = '_seen_at';
const HASH_CHARS = 8;
const CACHED_COLUMNS_MAX = 20_000;
/** An index of PostgreSQL holds no longer key; such an id has its calls, but no row of its own. */
const UPSERT_KEY_BYTES_MAX = 2_000;

export interface Cell {
  /** Place in the message, with its document; null for the columns that every table has. */
  path: readonly string[] | null;
  /** The path as JSON: what tells values of a table apart. Empty for those columns. */
  pathText: string;
  /** The column that it would like, or null when there can be none for it. */
  column: string | null;
  type: CellType;
  /**
   * An integer beyond 2^53 is text, and a timestamp is ISO 8601 in UTC. Null for a number that no
   * column of numbers holds exactly.
   */
  value: string | number | boolean | null;
  /** The value as a column of text has it: a number is the text that was sent. */
  text: string;
  /** As it came, with escapes for what no database takes; for `_rescued`, and columns of text. */
  raw: unknown;
}

export interface Row {
  table: string;
  kind: WarehouseKind;
  /** What identifies the row in its table: the message id, or the id of a user or an account. */
  key: string;
  /** Merged into the row of the same key, where newer values win; others are inserted once. */
  isUpsert: boolean;
  cells: Cell[];
}

/** What a database says about names and values. */
export interface Dialect {
  nameCharsMax: number;
  /** Names of columns that the database keeps for itself. */
  reservedColumns: ReadonlySet<string>;
  /** True when the database can hold the timestamp. */
  holdsTimestamp(iso: string): boolean;
}

/**
 * All rows of an event.
 * @param admits whether there is, or may be, a table of this name for an event. Otherwise the
 *   event is a row of `tracks` only, with its properties in `_rescued`.
 */
export function rowsOf(
  delivered: DeliveryEvent,
  dialect: Dialect,
  admits: (table: string) => boolean,
): Row[] {
  const event = exactEvent(delivered);
  const rowOf = (kind: TableKind, table: string, own: Cell[]): Row => ({
    table,
    kind,
    key: cleanText(event.messageId),
    isUpsert: false,
    cells: [...commonCells(event), ...own, ...documentCells(event, kind, dialect)],
  });
  switch (event.type) {
    case 'track':
      return trackRows(event, dialect, admits, rowOf);
    case 'identify': {
      const row = rowOf('identifies', 'identifies', []);
      return [row, ...upsertRows(event, row, 'users', event.userId)];
    }
    case 'group': {
      const groupId = textOf(event.message['groupId']) ?? textOf(contextOf(event)['groupId']);
      const row = rowOf('groups', 'groups', texts({ group_id: groupId }));
      return [row, ...upsertRows(event, row, 'accounts', groupId)];
    }
    case 'page':
    case 'screen':
      return [rowOf(VIEWS[event.type], VIEWS[event.type], viewCells(event.message))];
    case 'alias': {
      const own = texts({ previous_id: textOf(event.message['previousId']) });
      return [rowOf('aliases', 'aliases', own)];
    }
  }
}

/** What rows are made of. */
type RowEvent = Pick<
  DeliveryEvent,
  'type' | 'messageId' | 'userId' | 'anonymousId' | 'receivedAtMs' | 'timestampMs' | 'message'
>;

/** An event whose message is read exactly, and once. */
function exactEvent(event: DeliveryEvent): RowEvent {
  const { type, messageId, userId, anonymousId, receivedAtMs, timestampMs } = event;
  const message = exactMessage(event);
  return { type, messageId, userId, anonymousId, receivedAtMs, timestampMs, message };
}

const VIEWS = { page: 'pages', screen: 'screens' } as const satisfies Partial<
  Record<EventType, TableKind>
>;

function trackRows(
  event: RowEvent,
  dialect: Dialect,
  admits: (table: string) => boolean,
  rowOf: (kind: TableKind, table: string, own: Cell[]) => Row,
): Row[] {
  const text = textOf(event.message['event'])?.toWellFormed() ?? null;
  const hasName = text !== null && text.length <= EVENT_NAME_CHARS_MAX;
  const table = hasName ? fittingName(tableName(text), dialect) : null;
  const own = texts({ event: table, event_text: text });
  const tracks = rowOf('tracks', 'tracks', own);
  if (table !== null && admits(table)) return [tracks, rowOf('event', table, own)];
  const rescued = leavesOf(event.message['properties'], ['properties']);
  tracks.cells.push(...rescued.map(({ path, value }) => cellOf(path, value, null)));
  return [tracks];
}

function contextOf({ message }: RowEvent): JsonObject {
  return isObject(message['context']) ? message['context'] : {};
}

function viewCells(message: JsonObject): Cell[] {
  const properties = isObject(message['properties']) ? message['properties'] : {};
  const of = (key: string) => textOf(message[key]) ?? textOf(properties[key]);
  return texts({ name: of('name'), category: of('category') });
}

function commonCells(event: RowEvent): Cell[] {
  const receivedAt = isoOf(event.receivedAtMs);
  const { messageId, userId, anonymousId, message } = event;
  return [
    ...texts({ id: messageId, anonymous_id: anonymousId, user_id: userId }),
    ...times({
      received_at: receivedAt,
      uuid_ts: receivedAt,
      sent_at: timestampOf(message['sentAt']),
      timestamp: isoOf(event.timestampMs),
      original_timestamp: timestampOf(message['originalTimestamp']),
    }),
  ];
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

function texts(values: Record<string, string | null>): Cell[] {
  return Object.entries(values).flatMap(([column, text]) => {
    if (text === null) return [];
    const value = cleanText(text);
    return [{ path: null, pathText: '', column, type: 'text', value, text: value, raw: value }];
  });
}

function times(values: Record<string, string | null>): Cell[] {
  return Object.entries(values).flatMap(([column, value]) =>
    value === null
      ? []
      : [{ path: null, pathText: '', column, type: 'timestamp', value, text: value, raw: value }],
  );
}

/** The leaves of context and of the table's own document. */
function documentCells(event: RowEvent, kind: TableKind, dialect: Dialect): Cell[] {
  const cells: Cell[] = [];
  for (const document of ['context', DOCUMENT_OF_KIND[kind]] as const) {
    if (document === undefined || !isObject(event.message[document])) continue;
    for (const { path, value } of leavesOf(event.message[document], [])) {
      const place = [document, ...path];
      const column = wishedColumn(place, dialect);
      if (document === 'context' || !isReservedColumn(kind, column)) {
        cells.push(cellOf(place, value, column));
      } else if (!repeatsRow(event, path, value)) {
        cells.push(cellOf(place, value, null));
      }
    }
  }
  return cells;
}

/** Columns by path as JSON, because making a name is slow and most events bring the same ones. */
const wishedColumns = new WeakMap<Dialect, Map<string, string>>();

function wishedColumn(place: readonly string[], dialect: Dialect): string {
  let known = wishedColumns.get(dialect);
  if (!known || known.size >= CACHED_COLUMNS_MAX) {
    known = new Map();
    wishedColumns.set(dialect, known);
  }
  const pathText = JSON.stringify(place);
  let column = known.get(pathText);
  if (column === undefined) {
    const name = columnName(place[0] === 'context' ? place : place.slice(1));
    column = fittingName(dialect.reservedColumns.has(name) ? `_${name}` : name, dialect);
    known.set(pathText, column);
  }
  return column;
}

/** SDKs repeat ids and names in properties and traits; the row has such a value already. */
function repeatsRow(event: RowEvent, path: readonly string[], value: unknown): boolean {
  if (path.length !== 1) return false;
  const { message } = event;
  switch (path[0]) {
    case 'id':
      return value === event.messageId;
    case 'userId':
    case 'user_id':
      return value === event.userId;
    case 'anonymousId':
    case 'anonymous_id':
      return value === event.anonymousId;
    case 'groupId':
    case 'group_id':
      return value === (textOf(message['groupId']) ?? textOf(contextOf(event)['groupId']));
    case 'name':
    case 'category':
      return value === (textOf(message[path[0]]) ?? textOf(value));
    default:
      return false;
  }
}

/** A path that is too long gets no column in the lake either. */
function cellOf(path: readonly string[], leaf: unknown, column: string | null): Cell {
  const isTooLong = path.reduce((sum, key) => sum + key.length + 1, 0) > PATH_CHARS_MAX;
  const pathText = JSON.stringify(path);
  const place = { path, pathText, column: isTooLong ? null : column };
  if (typeof leaf === 'boolean') {
    return { ...place, type: 'boolean', value: leaf, text: String(leaf), raw: leaf };
  }
  if (typeof leaf === 'number' || isRawNumber(leaf)) {
    const text = textOfNumber(leaf);
    return { ...place, ...numberCell(columnNumber(text)), text, raw: leaf };
  }
  const raw = cleanJson(leaf);
  if (typeof raw !== 'string') {
    const text = JSON.stringify(raw);
    return { ...place, type: 'text', value: text, text, raw };
  }
  if (typeOf(raw) !== 'timestamp') return { ...place, type: 'text', value: raw, text: raw, raw };
  return { ...place, type: 'timestamp', value: timestampOf(raw), text: raw, raw };
}

function numberCell({ type, value }: ColumnNumber): Pick<Cell, 'type' | 'value'> {
  if (typeof value !== 'bigint') return { type, value };
  const isSafe = value <= SAFE_INTEGER_MAX && value >= -SAFE_INTEGER_MAX;
  return { type, value: isSafe ? Number(value) : String(value) };
}

/** In UTC with the microseconds that databases keep; null when it is no day of the calendar. */
function timestampOf(value: unknown): string | null {
  const ms = parseTimestamp(value);
  if (ms === null) return null;
  const digits = /[.,]\d{3}(\d{1,3})/.exec(String(value))?.[1] ?? '';
  return `${isoOf(ms).slice(0, -1)}${digits}Z`;
}

/**
 * The row of a user or an account: what its call says. Ids that are too long for an index have
 * none; their calls are stored like others.
 */
function upsertRows(
  event: RowEvent,
  call: Row,
  kind: 'users' | 'accounts',
  id: string | null,
): Row[] {
  if (id === null) return [];
  const key = cleanText(id);
  if (Buffer.byteLength(key) > UPSERT_KEY_BYTES_MAX) return [];
  const receivedAt = isoOf(event.receivedAtMs);
  // A wrong clock must not pin a value for ever.
  const seenAt = isoOf(Math.min(event.timestampMs, event.receivedAtMs));
  const own = times({ received_at: receivedAt, uuid_ts: receivedAt, [SEEN_COLUMN]: seenAt });
  const values = call.cells.filter(({ path }) => path !== null);
  const cells = [...texts({ id }), ...own, ...values];
  return [{ table: kind, kind, key, isUpsert: true, cells }];
}

/** A name that the database can hold: a long one is cut and gets digits of its hash. */
export function fittingName(name: string, { nameCharsMax }: Dialect): string {
  if (name.length <= nameCharsMax) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS);
  return `${name.slice(0, nameCharsMax - HASH_CHARS - 1)}_${hash}`;
}

const NUL = '\0';
/** Half a surrogate pair: one that is not followed, or not preceded, by its other half. */
const UNSTORABLE = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** A backslash that would read as one of our escapes. */
const LIKE_ESCAPE = /\\(?=u(?:0000|005c|d[89a-f][0-9a-f]{2}))/g;

/**
 * Databases take neither NUL (PostgreSQL) nor half a surrogate pair (UTF-8). Each is written as
 * JSON writes it, `\u0000` and `\ud800`, so that texts that differ stay different: ids that became
 * equal would be one row. A text that has such characters of its own gets `\u005c` for their
 * backslash.
 */
export function cleanText(text: string): string {
  if (text.isWellFormed() && !text.includes(NUL) && !text.includes('\\u')) return text;
  return text.replace(LIKE_ESCAPE, '\\u005c').replace(UNSTORABLE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The same for every text and key of a JSON value. Keys that become equal stay apart. */
export function cleanJson(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanJson);
  if (!isObject(value) || isRawNumber(value)) return value;
  const clean: JsonObject = Object.create(null) as JsonObject;
  for (const [key, item] of Object.entries(value)) clean[freeKey(clean, key)] = cleanJson(item);
  return clean;
}

/** What `jsonb` of PostgreSQL takes, and prints in about as many characters as it was sent in. */
const NUMBER_CHARS_MAX = 1_000;
const EXPONENT_MAX = 1_000;

/** A JSON value in which numbers beyond all measure are their texts: databases refuse them. */
export function storableJson(value: unknown): unknown {
  if (isRawNumber(value)) {
    const { rawJSON: text } = value;
    const power = Math.abs(Number(/[eE](.*)$/.exec(text)?.[1] ?? 0));
    return text.length > NUMBER_CHARS_MAX || power > EXPONENT_MAX ? text : value;
  }
  if (Array.isArray(value)) return value.map(storableJson);
  if (!isObject(value)) return value;
  const storable: JsonObject = Object.create(null) as JsonObject;
  for (const [key, item] of Object.entries(value)) storable[key] = storableJson(item);
  return storable;
}

/** The cleaned key, with `_` behind it as often as it is taken. */
function freeKey(object: JsonObject, key: string): string {
  let free = cleanText(key);
  while (free in object) free += '_';
  return free;
}

function isBranch(value: unknown): boolean {
  return isObject(value) && !isRawNumber(value);
}

/** Puts a value into the place that it had in its message; objects are made on the way. */
export function putAt(root: JsonObject, path: readonly string[], value: unknown): void {
  let object = root;
  for (const key of path.slice(0, -1)) {
    let at = cleanText(key);
    while (at in object && !isBranch(object[at])) at += '_';
    const next = object[at] ?? (Object.create(null) as JsonObject);
    object[at] = next;
    object = next as JsonObject;
  }
  object[freeKey(object, path.at(-1) ?? '')] = value;
}
