/**
 * The learnt schema in the catalog table `warehouse_columns`. One row is a source (no table, no
 * column), a table (no column) or a field; `definition` is JSON and says the rest.
 */
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { ColumnType } from './json-leaves.ts';
import type { DocumentName, Field, Source, Table, TableKind } from './schema-model.ts';

export interface SavedSource {
  slug: string;
  schema: string;
  tables: Table[];
}

export interface SchemaStore {
  load(database: DatabaseSync): SavedSource[];
  noteSource(source: Source): void;
  noteTable(table: Table): void;
  /** Writes what was noted. A transaction that was rolled back is made up for by the next one. */
  save(database: DatabaseSync): void;
}

interface Row {
  source: string;
  table: string;
  column: string;
  ordinal: number;
  definition: string;
}

/** Counts the saves. No table has such a name. */
const GENERATION_ROW = { source: '', table: '*', column: '*' };

const UPSERT = `insert into warehouse_columns (source, table_name, column_name, ordinal, definition)
  values (?, ?, ?, ?, ?)
  on conflict (source, table_name, column_name)
  do update set ordinal = excluded.ordinal, definition = excluded.definition`;

export function createSchemaStore(): SchemaStore {
  /** Definitions by row key, as they were last written. */
  const written = new Map<string, string>();
  const sources = new Map<string, Source>();
  const tables = new Set<Table>();
  let lastRows: Row[] = [];
  let generation = 0;

  return {
    load(database) {
      const rows = database
        .prepare('select * from warehouse_columns order by source, table_name, ordinal')
        .all()
        .map(rowOf);
      for (const row of rows) written.set(keyOf(row), row.definition);
      generation = generationOf(database);
      return sourcesOf(rows.filter(({ table }) => table !== GENERATION_ROW.table));
    },
    noteSource: (source) => void sources.set(source.slug, source),
    noteTable: (table) => void tables.add(table),
    save(database) {
      // 1. If the last save was rolled back, its rows are not in the file.
      if (generationOf(database) !== generation)
        for (const row of lastRows) written.delete(keyOf(row));
      else lastRows = [];
      // 2. Write what differs.
      const rows = [...lastRows];
      for (const { slug, schema } of sources.values()) rows.push(sourceRow(slug, schema));
      for (const table of tables) rows.push(...tableRows(table));
      const changed = latestOf(rows).filter((row) => written.get(keyOf(row)) !== row.definition);
      sources.clear();
      tables.clear();
      if (changed.length === 0) return;
      const upsert = database.prepare(UPSERT);
      generation = generationOf(database) + 1;
      const mark = { ...GENERATION_ROW, ordinal: 0, definition: String(generation) };
      for (const { source, table, column, ordinal, definition } of [...changed, mark]) {
        upsert.run(source, table, column, ordinal, definition);
      }
      for (const row of changed) written.set(keyOf(row), row.definition);
      lastRows = changed;
    },
  };
}

function generationOf(database: DatabaseSync): number {
  const { source, table, column } = GENERATION_ROW;
  const row = database
    .prepare(
      `select definition from warehouse_columns
       where source = ? and table_name = ? and column_name = ?`,
    )
    .get(source, table, column);
  return Number(row?.['definition'] ?? 0);
}

function rowOf(row: Record<string, unknown>): Row {
  return {
    source: String(row['source']),
    table: String(row['table_name']),
    column: String(row['column_name']),
    ordinal: Number(row['ordinal']),
    definition: String(row['definition']),
  };
}

function keyOf({ source, table, column }: Row): string {
  return `${source}\n${table}\n${column}`;
}

/** The last of the rows with one key. */
function latestOf(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [keyOf(row), row])).values()];
}

interface SourceDefinition {
  schema: string;
}

interface TableDefinition {
  kind: TableKind;
  eventNames: string[];
  hasOverflow: boolean;
}

interface FieldDefinition {
  document: DocumentName;
  path: string[];
  column: string | null;
  type: ColumnType;
  hasMisfits: boolean;
}

function sourceRow(slug: string, schema: string): Row {
  const definition: SourceDefinition = { schema };
  return {
    source: slug,
    table: '',
    column: '',
    ordinal: 0,
    definition: JSON.stringify(definition),
  };
}

function tableRows(table: Table): Row[] {
  const { source, name, kind, eventNames, hasOverflow } = table;
  const definition: TableDefinition = { kind, eventNames, hasOverflow };
  const first = { source, table: name, column: '', ordinal: -1 };
  return [
    { ...first, definition: JSON.stringify(definition) },
    ...table.fields.map((field, ordinal) => fieldRow(table, field, ordinal)),
  ];
}

function fieldRow(table: Table, field: Field, ordinal: number): Row {
  const { document, path, column, type, hasMisfits } = field;
  const definition: FieldDefinition = { document, path, column, type, hasMisfits };
  const key =
    column ??
    `?${createHash('sha256')
      .update(JSON.stringify([document, path]))
      .digest('hex')}`;
  return {
    source: table.source,
    table: table.name,
    column: key,
    ordinal,
    definition: JSON.stringify(definition),
  };
}

/** Rows come by source, table and ordinal: the source first, each table before its fields. */
function sourcesOf(rows: readonly Row[]): SavedSource[] {
  const sources: SavedSource[] = [];
  for (const row of rows) {
    const source = sources.at(-1);
    if (row.table === '') {
      const { schema } = JSON.parse(row.definition) as SourceDefinition;
      sources.push({ slug: row.source, schema, tables: [] });
    } else if (row.column === '') {
      const definition = JSON.parse(row.definition) as TableDefinition;
      source?.tables.push({ source: row.source, name: row.table, fields: [], ...definition });
    } else {
      source?.tables.at(-1)?.fields.push(JSON.parse(row.definition) as FieldDefinition);
    }
  }
  return sources;
}
