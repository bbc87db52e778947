/**
 * SQL expressions of the fields of a table. A document is parsed once for each group of paths, not
 * once for each column; a group that a query does not use is not parsed at all.
 */
import { RESCUED_COLUMN, shadowSql } from './fixed-columns.ts';
import { DOCUMENT_OF_KIND } from './schema-model.ts';
import type { DocumentName, Field, Table } from './schema-model.ts';
import { sqlName, sqlText, sqlTexts } from '../sql-text.ts';

/** Times that nearly all SDKs write, and that the SQL engine reads by itself. */
const COMMON_TIME =
  '\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?(Z|[+-]\\d{2}:\\d{2})?';

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

/** The expressions of all fields of a table; context first, as Segment has it. */
export function fieldSql(table: Table): FieldSql {
  const fields = table.fields
    .filter(({ document }) => document === 'context')
    .concat(table.fields.filter(({ document }) => document !== 'context'));
  const groups: string[] = [];
  const texts = new Map<Field, string>();
  for (const document of ['context', 'properties', 'traits'] as const) {
    const own = fields.filter((field) => field.document === document);
    // Those that need each digit are read in a way that costs several times as much.
    for (const isExact of [false, true]) {
      const alike = own.filter(({ hasMisfits }) => hasMisfits === isExact);
      for (let from = 0; from < alike.length; from += GROUP_PATHS) {
        const group = alike.slice(from, from + GROUP_PATHS);
        const name = `p${groups.length}`;
        groups.push(`${groupSql(document, group, isExact)} as ${name}`);
        group.forEach((field, at) => texts.set(field, `e.${name}[${at + 1}]`));
      }
    }
  }
  const columns: string[] = [];
  const names: string[] = [];
  for (const field of fields) {
    if (field.column === null) continue;
    columns.push(`${valueSql(field, texts.get(field) ?? 'null')} as ${sqlName(field.column)}`);
    names.push(field.column);
  }
  columns.push(`${rescuedSql(table, fields, texts)} as ${RESCUED_COLUMN}`);
  names.push(RESCUED_COLUMN);
  return { groups, columns, names };
}

/** JSON texts of the fields; exact ones have their numbers as they were sent. */
function groupSql(document: DocumentName, group: readonly Field[], isExact: boolean): string {
  const paths = sqlTexts(group.map(({ path }) => jsonPath(path)));
  if (!isExact) return `json_extract(e.${document}, [${paths}])::varchar[]`;
  const marked = `json_extract(main.millrace_marked(e.${document}), [${paths}])::varchar[]`;
  return `list_transform(${marked}, lambda j: main.millrace_unmarked(j))`;
}

/** A JSON pointer can say every key; only a number in it could also mean a place in an array. */
function jsonPath(path: readonly string[]): string {
  const isPlain = path.every((key) => /^[A-Za-z0-9_ .:-]+$/.test(key));
  if (isPlain) return `$${path.map((key) => `."${key}"`).join('')}`;
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The value of a field, or null when it is another one. `text` is JSON text. */
function valueSql(field: Field, text: string): string {
  switch (field.type) {
    case 'varchar':
      // 34, 91 and 123 are the first characters of a string, an array and an object.
      return field.hasMisfits
        ? `case ascii(${text}) when 34 then ${text} ->> '$' when 123 then null ` +
            `else nullif(${text}, 'null') end`
        : `case when ascii(${text}) in (34, 91) then (${text} ->> '$') end`;
    case 'timestamp':
      return timestampSql(text);
    case 'boolean':
      return `case when ${text} in ('true', '"true"') then true when ${text} in ('false', '"false"') then false end`;
    case 'float':
      return `main.millrace_double(${text})`;
    case 'integer':
      return `main.millrace_bigint(${text})`;
  }
}

/** A text without an offset is UTC. The result does not depend on the session's time zone. */
function timestampSql(text: string): string {
  const zone = `case when regexp_matches(${text}, '(Z|[+-]..:..)"$') then '' else 'Z' end`;
  const zoned = `${text}[2:-2] || ${zone}`;
  return (
    `coalesce(case when regexp_full_match(${text}, '"${COMMON_TIME}"') ` +
    `then make_timestamp(epoch_us(try_cast(${zoned} as timestamptz))) end, ` +
    `case when ascii(${text}) = 34 then main.millrace_time(${text}[2:-2]) end)`
  );
}

/** All values of a row that no column holds, in the shape of the message; null when none. */
function rescuedSql(
  table: Table,
  fields: readonly Field[],
  texts: ReadonlyMap<Field, string>,
): string {
  const parts: string[] = [];
  for (const field of fields) {
    const text = texts.get(field);
    if (text === undefined || !mayMisfit(field)) continue;
    const path = [field.document, ...field.path];
    parts.push(`case when ${misfitSql(field, text)} then ${nestedSql(path, text)} end`);
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

function misfitSql(field: Field, text: string): string {
  const isLeaf = `${text} <> 'null' and not starts_with(${text}, '{')`;
  if (field.column !== null) return `${isLeaf} and (${valueSql(field, text)}) is null`;
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
