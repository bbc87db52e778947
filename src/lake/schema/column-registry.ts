/**
 * Which tables and columns each source has, learnt from events one by one. Pure: no SQL, no disk.
 *
 * The hot path looks every leaf up in a tree of known paths and compares its type; it allocates
 * nothing while events bring nothing new. A field, once known, keeps its column and its type
 * (except that integer becomes float), and all that is known has a limit.
 */
import { isRawNumber, textOfNumber } from '../../events/exact-json.ts';
import { isObject } from '../../events/json.ts';
import { columnNumber, isKeptBySql } from '../../events/number-kinds.ts';
import type { JsonObject } from '../../events/json.ts';
import type { EventType } from '../../events/routes.ts';
import { columnName, distinctName, schemaName, tableName } from './column-names.ts';
import { isNullLeaf, leavesOf, typeOf } from './json-leaves.ts';
import { isReservedColumn } from './fixed-columns.ts';
import { DOCUMENT_OF_KIND } from './schema-model.ts';
import type { DocumentName, Field, Source, Table, TableKind } from './schema-model.ts';

/** More columns than people read; what is beyond goes to `_rescued`. */
export const COLUMNS_PER_TABLE_MAX = 1_000;
/** Bounds the text of all views of a source, about 200 bytes a column. */
export const COLUMNS_PER_SOURCE_MAX = 50_000;
/** Events beyond these tables are in `tracks` and `events` only. */
export const EVENT_TABLES_PER_SOURCE_MAX = 2_000;
/** Spellings of an event name that share a table; further ones are in `tracks` only. */
export const EVENT_NAMES_PER_TABLE_MAX = 100;
/** Characters of a field's path and of an event's name; they are repeated in SQL text. */
export const PATH_CHARS_MAX = 1_000;
export const EVENT_NAME_CHARS_MAX = 1_000;
/** Names that are looked up without asking for their table again. */
const CACHED_NAMES_MAX = 20_000;

/** What is learnt from. */
export interface ObservedEvent {
  type: EventType;
  /** Name of a `track`. */
  event: string | null;
  message: JsonObject;
}

export interface Registry {
  /** Makes a source known before its first event, so that its tables exist. */
  addSource(slug: string): void;
  sources: Map<string, Source>;
  observe(event: ObservedEvent, slug: string): void;
  /** What changed since the last call; a new source comes with its fixed tables. */
  takeChanges(): { sources: Source[]; tables: Table[] };
  /** Takes over what was learnt before. */
  restore(sources: readonly { slug: string; schema: string; tables: readonly Table[] }[]): void;
}

export interface RegistryLimits {
  columnsPerTableMax: number;
  columnsPerSourceMax: number;
  eventTablesPerSourceMax: number;
}

export const REGISTRY_LIMITS: RegistryLimits = {
  columnsPerTableMax: COLUMNS_PER_TABLE_MAX,
  columnsPerSourceMax: COLUMNS_PER_SOURCE_MAX,
  eventTablesPerSourceMax: EVENT_TABLES_PER_SOURCE_MAX,
};

/** The tree of known paths of one document. */
interface PathNode {
  field: Field | undefined;
  children: Map<string, PathNode>;
}

interface TableState extends Table {
  roots: Record<DocumentName, PathNode>;
  columns: Set<string>;
  isChanged: boolean;
}

interface SourceState extends Source {
  tables: Map<string, TableState>;
  columnCount: number;
  eventTableCount: number;
  /** Table by event name; null for names that get none. */
  byEventName: Map<string, TableState | null>;
}

const TABLE_OF_TYPE = {
  identify: 'identifies',
  page: 'pages',
  screen: 'screens',
  group: 'groups',
  alias: 'aliases',
} as const;

export function createRegistry(limits: RegistryLimits = REGISTRY_LIMITS): Registry {
  const sources = new Map<string, SourceState>();
  const schemas = new Set<string>();
  const changedTables = new Set<TableState>();
  const newSources: SourceState[] = [];

  const addSource = (slug: string, schema: string): SourceState => {
    const source: SourceState = {
      slug,
      schema,
      tables: new Map(),
      columnCount: 0,
      eventTableCount: 0,
      byEventName: new Map(),
    };
    for (const kind of ['tracks', ...Object.values(TABLE_OF_TYPE)] as const) {
      source.tables.set(kind, newTable(slug, kind, kind));
    }
    schemas.add(schema);
    sources.set(slug, source);
    return source;
  };
  const discoverSource = (slug: string): SourceState => {
    const name = schemaName(slug);
    const source = addSource(slug, schemas.has(name) ? distinctName(name, slug) : name);
    newSources.push(source);
    return source;
  };
  const observeIn = (source: SourceState, table: TableState, event: ObservedEvent): void => {
    const room = { source, limits };
    observeDocument(room, table, 'context', event);
    const document = DOCUMENT_OF_KIND[table.kind];
    if (document) observeDocument(room, table, document, event);
    if (table.isChanged) changedTables.add(table);
  };

  return {
    sources,
    addSource(slug) {
      if (!sources.has(slug)) discoverSource(slug);
    },
    observe(event, slug) {
      const source = sources.get(slug) ?? discoverSource(slug);
      if (event.type !== 'track') {
        const table = source.tables.get(TABLE_OF_TYPE[event.type]);
        if (table) observeIn(source, table, event);
        return;
      }
      const tracks = source.tables.get('tracks');
      if (tracks) observeIn(source, tracks, event);
      const table = eventTable(source, event.event, limits);
      if (table) observeIn(source, table, event);
    },
    takeChanges() {
      const changes = { sources: [...newSources], tables: [...changedTables] };
      for (const table of changedTables) table.isChanged = false;
      newSources.length = 0;
      changedTables.clear();
      return changes;
    },
    restore(known) {
      for (const { slug, schema, tables } of known) {
        const source = addSource(slug, schema);
        for (const table of tables) restoreTable(source, table);
      }
    },
  };
}

function newTable(source: string, name: string, kind: TableKind): TableState {
  return {
    source,
    name,
    kind,
    eventNames: [],
    fields: [],
    hasOverflow: false,
    roots: { properties: newNode(), traits: newNode(), context: newNode() },
    columns: new Set(),
    isChanged: false,
  };
}

function newNode(): PathNode {
  return { field: undefined, children: new Map() };
}

/** The table of an event, made when it is new; null when there is no room for it. */
function eventTable(
  source: SourceState,
  rawName: string | null,
  limits: RegistryLimits,
): TableState | null {
  if (rawName === null) return null;
  const cached = source.byEventName.get(rawName);
  if (cached !== undefined) return cached;
  const event = rawName.toWellFormed();
  const table = findEventTable(source, event, limits);
  if (source.byEventName.size >= CACHED_NAMES_MAX) source.byEventName.clear();
  source.byEventName.set(rawName, table);
  return table;
}

function findEventTable(
  source: SourceState,
  event: string,
  limits: RegistryLimits,
): TableState | null {
  if (event.length > EVENT_NAME_CHARS_MAX) return null;
  const name = tableName(event);
  let table = source.tables.get(name);
  if (table?.eventNames.includes(event)) return table;
  if (table && table.eventNames.length >= EVENT_NAMES_PER_TABLE_MAX) return null;
  if (!table) {
    if (source.eventTableCount >= limits.eventTablesPerSourceMax) return null;
    source.eventTableCount++;
    table = newTable(source.slug, name, 'event');
    source.tables.set(name, table);
  }
  table.eventNames.push(event);
  table.isChanged = true;
  return table;
}

interface Room {
  source: SourceState;
  limits: RegistryLimits;
}

function observeDocument(
  room: Room,
  table: TableState,
  document: DocumentName,
  event: ObservedEvent,
): void {
  const root = event.message[document];
  if (!isObject(root)) return;
  const pending: { object: JsonObject; node: PathNode; path: PathStep | undefined }[] = [
    { object: root, node: table.roots[document], path: undefined },
  ];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { object, node, path } = next;
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value === null) continue;
      const child = node.children.get(key);
      if (isObject(value) && !isRawNumber(value)) {
        const step = { key, parent: path };
        if (child) pending.push({ object: value, node: child, path: step });
        else addFields(room, table, document, stepsOf(step), value);
      } else if (child?.field) {
        if (!fits(child.field, value)) widen(table, child.field, value);
      } else {
        addFields(room, table, document, stepsOf({ key, parent: path }), value);
      }
    }
  }
}

/** A path that is only written out when it is new. */
interface PathStep {
  key: string;
  parent: PathStep | undefined;
}

function stepsOf(last: PathStep): string[] {
  const path: string[] = [];
  for (let step: PathStep | undefined = last; step; step = step.parent) {
    path.push(step.key.toWellFormed());
  }
  return path.toReversed();
}

/** True when a view shows the value in its column as it is, or knows how to. */
function fits(field: Field, value: unknown): boolean {
  if (isNullLeaf(value) || (field.hasMisfits && field.type !== 'integer')) return true;
  switch (field.type) {
    case 'varchar':
      return typeof value === 'string' || (Array.isArray(value) && hasKeptNumbers(value));
    // Views always rescue from timestamps, so that only the SQL engine judges the text.
    case 'timestamp':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'float':
      return isNumber(value) && isKeptBySql(textOfNumber(value));
    case 'integer':
      return isNumber(value) && typeOf(value) === 'integer' && isKeptBySql(textOfNumber(value));
  }
}

function isNumber(value: unknown): value is Parameters<typeof textOfNumber>[0] {
  return typeof value === 'number' || isRawNumber(value);
}

/** True when an array, printed by the SQL engine, has the numbers that were sent. */
function hasKeptNumbers(value: unknown): boolean {
  // Raw is what is printed in another way, as 1.10 is.
  if (isRawNumber(value)) return false;
  if (Array.isArray(value)) return value.every(hasKeptNumbers);
  return !isObject(value) || Object.values(value).every(hasKeptNumbers);
}

/** Makes room for a value that does not fit: a wider type, or the rescue of misfits. */
function widen(table: TableState, field: Field, value: unknown): void {
  if (field.column !== null && field.type === 'integer' && isFraction(value)) {
    field.type = 'float';
    if (!field.hasMisfits && !fits(field, value)) field.hasMisfits = true;
  } else if (field.hasMisfits) {
    return;
  } else {
    field.hasMisfits = true;
  }
  table.isChanged = true;
}

/** A whole number of more digits than BIGINT takes is no reason to lose the others. */
function isFraction(value: unknown): boolean {
  if (!isNumber(value)) return false;
  const text = textOfNumber(value);
  const found = columnNumber(text);
  return found.type === 'float' && found.value !== null && !/^-?\d+$/.test(text);
}

function addFields(
  room: Room,
  table: TableState,
  document: DocumentName,
  path: readonly string[],
  value: unknown,
): void {
  for (const leaf of leavesOf(value, path)) {
    const known = findField(table.roots[document], leaf.path);
    if (known) {
      if (!fits(known, leaf.value)) widen(table, known, leaf.value);
      continue;
    }
    const { source, limits } = room;
    const isFull =
      table.fields.length >= limits.columnsPerTableMax ||
      source.columnCount >= limits.columnsPerSourceMax ||
      leaf.path.reduce((sum, key) => sum + key.length + 1, 0) > PATH_CHARS_MAX;
    if (isFull) {
      if (!table.hasOverflow) table.isChanged = true;
      table.hasOverflow = true;
      continue;
    }
    const column = freeColumn(table, document, leaf.path);
    const type = typeOf(leaf.value);
    // A value without a column is in its row already or it is not: each is looked at in SQL.
    const field = { document, path: leaf.path, column, type, hasMisfits: column === null };
    if (!fits(field, leaf.value)) field.hasMisfits = true;
    addField(source, table, field);
    table.isChanged = true;
  }
}

/** The column of a new path, or null when its name is reserved. */
function freeColumn(
  table: TableState,
  document: DocumentName,
  path: readonly string[],
): string | null {
  const prefix = document === 'context' ? ['context'] : [];
  const name = columnName([...prefix, ...path]);
  if (document !== 'context' && isReservedColumn(table.kind, name)) return null;
  if (!table.columns.has(name)) return name;
  const other = distinctName(name, JSON.stringify([document, ...path]));
  return table.columns.has(other) ? null : other;
}

function findField(root: PathNode, path: readonly string[]): Field | undefined {
  let node: PathNode | undefined = root;
  for (const key of path) node = node?.children.get(key);
  return node?.field;
}

function addField(source: SourceState, table: TableState, field: Field): void {
  let node = table.roots[field.document];
  for (const key of field.path) {
    let child = node.children.get(key);
    if (!child) {
      child = newNode();
      node.children.set(key, child);
    }
    node = child;
  }
  node.field = field;
  table.fields.push(field);
  if (field.column !== null) table.columns.add(field.column);
  source.columnCount++;
}

function restoreTable(source: SourceState, known: Table): void {
  let table = source.tables.get(known.name);
  if (!table) {
    table = newTable(source.slug, known.name, known.kind);
    source.tables.set(known.name, table);
    source.eventTableCount++;
  }
  table.eventNames.push(...known.eventNames);
  table.hasOverflow = known.hasOverflow;
  for (const field of known.fields) {
    // What an older Millrace knew of values that differ from their column's, it did not write down.
    const hasMisfits = field.hasMisfits || field.column === null;
    addField(source, table, { ...field, hasMisfits });
  }
}
