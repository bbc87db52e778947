/**
 * SQL expressions of the fields of a table. A document is parsed once for each group of paths, not
 * once for each column; a group that a query does not use is not parsed at all.
 */
import { RESCUED_COLUMN, shadowSql } from './fixed-columns.ts';
import { DOCUMENT_OF_KIND } from './schema-model.ts';
import type { DocumentName, Field, Table } from './schema-model.ts';
import { sqlName, sqlText, sqlTexts } from '../sql-text.ts';

/** Paths in one group: few enough that a narrow query on a wide table stays narrow. */
const GROUP_PATHS = 24;

export interface FieldSql {
  /** `json_extract(…) as p0`, for the inner select over `events e`. */
  groups: string[];
  /** `expression as "column"`, over the inner select as `e`; the last one is `_rescued`. */
  columns: string[];
  /** Names of the columns, in the same order. */
  names: string[];
}

/** What is selected of a field. */
interface FieldText {
  /** Its JSON text. */
  text: string;
  /** Its value, where that takes more than a short expression. */
  value: string | undefined;
}

/** The expressions of all fields of a table; context first, as Segment has it. */
export function fieldSql(table: Table): FieldSql {
  const fields = table.fields
    .filter(({ document }) => document === 'context')
    .concat(table.fields.filter(({ document }) => document !== 'context'));
  const groups: string[] = [];
  const texts = new Map<Field, FieldText>();
  for (const [kind, own] of Map.groupBy(fields, kindOf)) {
    for (let from = 0; from < own.length; from += GROUP_PATHS) {
      const group = own.slice(from, from + GROUP_PATHS);
      const at = groups.length;
      const listed = groupSql(group);
      groups.push(`${listed} as p${at}`);
      const reader = kind.reader;
      if (reader) groups.push(`list_transform(${listed}, lambda j: main.${reader}(j)) as v${at}`);
      group.forEach((field, place) => {
        const value = reader ? `e.v${at}[${place + 1}]` : undefined;
        texts.set(field, { text: `e.p${at}[${place + 1}]`, value });
      });
    }
  }
  const columns: string[] = [];
  const names: string[] = [];
  for (const field of fields) {
    const text = texts.get(field);
    if (field.column === null || text === undefined) continue;
    columns.push(`${valueSql(field, text)} as ${sqlName(field.column)}`);
    names.push(field.column);
  }
  columns.push(`${rescuedSql(table, fields, texts)} as ${RESCUED_COLUMN}`);
  names.push(RESCUED_COLUMN);
  return { groups, columns, names };
}

interface FieldKind {
  document: DocumentName;
  isExact: boolean;
  /**
   * The function that makes values of JSON texts. It is called for a whole group, because it is
   * long where it is written out, and there may be a thousand columns.
   */
  reader: string | undefined;
}

const KINDS = new Map<string, FieldKind>();

/** One object for each kind, so that fields can be grouped by it. */
function kindOf({ document, type, hasMisfits }: Field): FieldKind {
  const isRead = type === 'timestamp' || (hasMisfits && (type === 'integer' || type === 'float'));
  const reader = isRead ? READERS[type] : undefined;
  const key = [document, hasMisfits, reader].join();
  const kind = KINDS.get(key) ?? { document, isExact: hasMisfits, reader };
  KINDS.set(key, kind);
  return kind;
}

const READERS: Partial<Record<Field['type'], string>> = {
  timestamp: 'millrace_timestamp',
  integer: 'millrace_bigint',
  float: 'millrace_double',
};

/** JSON texts of the fields; exact ones have their numbers as they were sent. */
function groupSql(group: readonly Field[]): string {
  const [first] = group;
  const paths = sqlTexts(group.map(({ path }) => jsonPath(path)));
  const document = `e.${first?.document ?? 'properties'}`;
  // Those that need each digit are read in a way that costs several times as much.
  if (first?.hasMisfits !== true) return `json_extract(${document}, [${paths}])::varchar[]`;
  const marked = `json_extract(main.millrace_marked(${document}), [${paths}])::varchar[]`;
  return `list_transform(${marked}, lambda j: main.millrace_unmarked(j))`;
}

/** A JSON pointer can say every key; only a number in it could also mean a place in an array. */
function jsonPath(path: readonly string[]): string {
  const isPlain = path.every((key) => /^[A-Za-z0-9_ .:-]+$/.test(key));
  if (isPlain) return `$${path.map((key) => `."${key}"`).join('')}`;
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The value of a field, or null when it is another one. `text` is JSON text. */
function valueSql(field: Field, { text, value }: FieldText): string {
  if (value !== undefined) return value;
  switch (field.type) {
    case 'varchar':
      // 34, 91 and 123 are the first characters of a string, an array and an object.
      return field.hasMisfits
        ? `case ascii(${text}) when 34 then ${text} ->> '$' when 123 then null ` +
            `else nullif(${text}, 'null') end`
        : `case when ascii(${text}) in (34, 91) then (${text} ->> '$') end`;
    case 'boolean':
      return (
        `case when ${text} in ('true', '"true"') then true ` +
        `when ${text} in ('false', '"false"') then false end`
      );
    case 'float':
      return `case when not ${isLongInteger(text)} then try_cast(${text} as double) end`;
    case 'integer':
    case 'timestamp':
      return integerSql(text);
  }
}

/** Of values that all fit: 1.0 and 1e2 are whole numbers too. */
function integerSql(text: string): string {
  const isPlain = `regexp_full_match(${text}, '-?[0-9]+')`;
  const double = `try_cast(${text} as double)`;
  return (
    `case when ${isPlain} then try_cast(${text} as bigint) ` +
    `when ${double} = floor(${double}) then try_cast(${double} as bigint) end`
  );
}

/** A whole number that a double might round; its column was one of integers when it came. */
function isLongInteger(text: string): string {
  return `(length(${text}) > 15 and regexp_full_match(${text}, '-?[0-9]+'))`;
}

/** All values of a row that no column holds, in the shape of the message; null when none. */
function rescuedSql(
  table: Table,
  fields: readonly Field[],
  texts: ReadonlyMap<Field, FieldText>,
): string {
  const parts: string[] = [];
  for (const field of fields) {
    const own = texts.get(field);
    if (own === undefined || !mayMisfit(field)) continue;
    const path = [field.document, ...field.path];
    parts.push(`case when ${misfitSql(field, own)} then ${nestedSql(path, own.text)} end`);
  }
  if (table.hasOverflow) {
    for (const document of ['context', DOCUMENT_OF_KIND[table.kind]] as const) {
      if (document) parts.push(overflowSql(document, fields));
    }
  }
  if (parts.length === 0) return 'null::json';
  const merged = parts.map((part) => `coalesce(${part}, '{}')`).join(', ');
  return `nullif(main.millrace_unmarked(json_merge_patch('{}', ${merged})), '{}')::json`;
}

/**
 * A timestamp is judged by the SQL engine alone, and so are fractions: their column may have been
 * one of integers, some of which no double holds. Other misfits were seen when they came.
 */
function mayMisfit(field: Field): boolean {
  return field.hasMisfits || field.type === 'timestamp' || field.type === 'float';
}

function misfitSql(field: Field, own: FieldText): string {
  const { text } = own;
  if (field.type === 'float' && !field.hasMisfits) return isLongInteger(text);
  const isLeaf = `${text} <> 'null' and not starts_with(${text}, '{')`;
  if (field.column !== null) return `${isLeaf} and (${valueSql(field, own)}) is null`;
  const shadow = shadowSql(field);
  if (shadow === null) return isLeaf;
  return `${isLeaf} and (${text} ->> '$') is distinct from ${shadow}`;
}

function nestedSql(path: readonly string[], text: string): string {
  return path
    .toReversed()
    .reduce(
      (sql, key) => `json_object(${sqlText(key)}, ${sql})`,
      `main.millrace_marked(${text})::json`,
    );
}

/**
 * With more fields than are counted, every key of the document that is no field is rescued with all
 * that is below it, and so is every object, since some of its fields may be among the uncounted.
 */
function overflowSql(document: DocumentName, fields: readonly Field[]): string {
  const own = fields.filter((field) => field.document === document && field.path.length === 1);
  const known = `[${sqlTexts(own.map(({ path }) => path[0] ?? ''))}]::varchar[]`;
  const pointer = `'/' || replace(replace(k, '~', '~0'), '/', '~1')`;
  const value = `json_extract(main.millrace_marked(e.${document}), ${pointer})::varchar`;
  const isKept = `${value} <> 'null' and (not list_contains(${known}, k) or ascii(${value}) = 123)`;
  const kept = `list_filter(json_keys(e.${document}), lambda k: ${isKept})`;
  const members = `list_transform(${kept}, lambda k: to_json(k)::varchar || ':' || ${value})`;
  return (
    `case when len(${kept}) > 0 then ` +
    `json_object('${document}', ('{' || array_to_string(${members}, ',') || '}')::json) end`
  );
}
