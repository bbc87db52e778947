/**
 * What user SQL may say: one SELECT (also WITH, FROM, VALUES, SHOW, DESCRIBE, SUMMARIZE) over the
 * lake's tables. The statement is judged by the engine's own parse tree, not by its text: only
 * listed table functions, no function that reads settings or files, no table that is a file name.
 */
import { MillraceError } from '../base/errors.ts';
import { viewName } from './view-name.ts';

const TABLE_FUNCTIONS = new Set([
  'range',
  'generate_series',
  'unnest',
  'json_each',
  'json_tree',
  'generate_subscripts',
  'summary',
]);

const REFUSED_FUNCTION =
  /^(current_setting|getenv|getvariable|query|query_table|which_secret|duckdb_.*|pragma_.*|read_.*|parquet_.*|glob|sniff_.*|.*_scan|write_log|json_execute_serialized_sql|.*scan_.*)$/;

/** The engine's own tables with the text of views, which says where the lake's files are. */
const DEFINITIONS =
  /^(duckdb_(views|tables|databases|settings|secrets|temporary_files|logs?|log_contexts)|pg_views|pg_settings|sqlite_(temp_)?(master|schema))$/i;
const OWN_SCHEMA = /^(|main|pg_catalog|information_schema)$/i;

function tellsDefinitions(schema: string, table: string): boolean {
  if (/^information_schema$/i.test(schema)) return /^views$/i.test(table);
  return OWN_SCHEMA.test(schema) && DEFINITIONS.test(table);
}

const FILE_NAME = /[/\\]|\.(parquet|csv|tsv|json|jsonl|ndjson|db|duckdb|gz|zst)$/i;

/**
 * Judges the answer of `json_serialize_sql(sql)`.
 * @param sql the statement, to show where it cannot be read.
 * @throws MillraceError SQL_REFUSED with what is not allowed.
 */
export function assertReadOnlyQuery(serialized: string, sql: string): void {
  const tree = treeOf(serialized);
  if (!isObject(tree) || tree['error'] === true) throw refusalOf(tree, sql);
  const statements = tree['statements'];
  if (!Array.isArray(statements) || statements.length !== 1) {
    throw new MillraceError('SQL_REFUSED', 'Send one statement at a time', { field: 'sql' });
  }
  walk(statements[0], assertNode);
}

/** Texts, and numbers that the engine writes as JSON does not: of `1e400`. */
const TEXT_OR_ODD_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?(?:Infinity|NaN)/g;

/** Values are of no interest here. */
function treeOf(serialized: string): unknown {
  return JSON.parse(
    serialized.replace(TEXT_OR_ODD_NUMBER, (found) => (found.startsWith('"') ? found : 'null')),
  );
}

/**
 * The tables with a schema that an allowed statement names, as `viewName` has them; null when it
 * asks what tables there are.
 * @param serialized as for `assertReadOnlyQuery`.
 */
export function tablesOf(serialized: string): ReadonlySet<string> | null {
  const named = new Set<string>();
  let asksForAll = false;
  walk(treeOf(serialized), (node) => {
    if (node['type'] === 'SHOW_REF') asksForAll = true;
    if (node['type'] !== 'BASE_TABLE') return;
    const schema = String(node['schema_name'] ?? '');
    if (ABOUT_TABLES.test(schema) || ABOUT_TABLES.test(String(node['table_name']))) {
      asksForAll = true;
    }
    named.add(viewName(schema, String(node['table_name'])));
  });
  return asksForAll ? null : named;
}

/** Schemas and tables that tell of others. */
const ABOUT_TABLES = /^(information_schema|pg_catalog|pg_|sqlite_|duckdb_)/i;

function walk(root: unknown, visit: (node: Record<string, unknown>) => void): void {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (Array.isArray(node)) {
      for (const item of node) pending.push(item);
    } else if (isObject(node)) {
      visit(node);
      for (const key of Object.keys(node)) pending.push(node[key]);
    }
  }
}

function assertNode(node: Record<string, unknown>): void {
  if (node['type'] === 'TABLE_FUNCTION') {
    const call = node['function'];
    const name = isObject(call) ? String(call['function_name']).toLowerCase() : '';
    if (!TABLE_FUNCTIONS.has(name)) throw refused(`table function ${name || 'of this form'}`);
  } else if (node['class'] === 'FUNCTION') {
    const name = String(node['function_name']).toLowerCase();
    if (REFUSED_FUNCTION.test(name)) throw refused(`function ${name}`);
  } else if (node['type'] === 'BASE_TABLE') {
    const name = String(node['table_name']);
    if (FILE_NAME.test(name)) throw refused(`reading the file ${name.slice(0, 80)}`);
    const schema = String(node['schema_name'] ?? '');
    if (tellsDefinitions(schema, name)) throw refused(`the table ${name}`);
    const catalog = String(node['catalog_name'] ?? '');
    if (catalog !== '' && catalog !== 'memory') throw refused(`catalog ${catalog}`);
  }
}

function refused(what: string): MillraceError {
  return new MillraceError('SQL_REFUSED', `Not allowed in a query: ${what}`, { field: 'sql' });
}

function refusalOf(tree: unknown, sql: string): MillraceError {
  const type = isObject(tree) ? String(tree['error_type'] ?? '') : '';
  const message = isObject(tree) ? String(tree['error_message'] ?? '') : '';
  if (type === 'parser' || type === 'syntax') {
    const position = isObject(tree) ? Number(tree['position']) : Number.NaN;
    const text = `${message}${placeIn(sql, position)}`;
    return new MillraceError('SQL_FAILED', text, { field: 'sql' });
  }
  return new MillraceError('SQL_REFUSED', 'Only SELECT statements are allowed', { field: 'sql' });
}

/** The line and a mark below it, as the engine itself shows the place of other errors. */
function placeIn(sql: string, position: number): string {
  if (!(position >= 0 && position <= sql.length)) return '';
  const before = sql.slice(0, position).split('\n');
  const line = sql.split('\n')[before.length - 1] ?? '';
  const start = `LINE ${before.length}: `;
  const column = before.at(-1)?.length ?? 0;
  return `\n\n${start}${line}\n${' '.repeat(start.length + column)}^`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
