/**
 * Names of schemas, tables and columns. Each is a function of the original name alone, so that it
 * never depends on what was seen before; only two originals that give one name need a decision,
 * and the registry makes it with `distinctName`.
 *
 * A name is Segment's snake case. What that cannot say gets a short hash of the original: a name
 * with characters beyond ASCII, one of which nothing is left, and one that is too long.
 */
import { createHash } from 'node:crypto';
import { RESERVED_WORDS } from './reserved-words.ts';
import { snakeCase, WORD_PATTERN } from './snake-case.ts';

/** Redshift's limit; queries then work in any warehouse. */
export const NAME_CHARS_MAX = 127;

const HASH_CHARS = 8;
const CUT_CHARS = NAME_CHARS_MAX - HASH_CHARS - 1;
const BEYOND_ASCII = /[^\x00-\x7f]/; // eslint-disable-line no-control-regex -- the range is meant

/** Tables that every source has; an event of such a name goes to `_<name>`. */
export const FIXED_TABLES = [
  'tracks',
  'identifies',
  'users',
  'pages',
  'screens',
  'groups',
  'accounts',
  'aliases',
  'identity_links',
] as const;

const RESERVED_TABLES = new Set<string>([...FIXED_TABLES, ...RESERVED_WORDS]);
const RESERVED_COLUMNS = new Set<string>(RESERVED_WORDS);
/** Schemas and catalogs that the SQL engine has itself. */
const RESERVED_SCHEMAS = new Set<string>([
  ...RESERVED_WORDS,
  'main',
  'memory',
  'temp',
  'system',
  'information_schema',
  'pg_catalog',
]);

/** Schema of a source: `my-shop` → `my_shop`. */
export function schemaName(slug: string): string {
  return nameOf(slug, snakeCase(slug), 'source', RESERVED_SCHEMAS);
}

/** Table of an event: `Order Completed` → `order_completed`, `Users` → `_users`. */
export function tableName(event: string): string {
  return nameOf(event, snakeCase(event), 'event', RESERVED_TABLES);
}

/** Column of a value: `['address', 'postalCode']` → `address_postal_code`. */
export function columnName(path: readonly string[]): string {
  const words = path.map(snakeCase);
  const hasEmpty = words.includes('');
  const name = words.filter((word) => word !== '').join('_');
  const original = path.length === 1 ? (path[0] ?? '') : JSON.stringify(path);
  return nameOf(original, name, 'field', RESERVED_COLUMNS, hasEmpty);
}

/** Another name for a second original that gives a taken name. */
export function distinctName(name: string, original: string): string {
  return `${name.slice(0, CUT_CHARS)}_${hashOf(original)}`;
}

/** `tableName` as a SQL expression over a VARCHAR expression. */
export function tableNameSql(event: string): string {
  const name = `lower(array_to_string(regexp_extract_all(${event}, '${WORD_PATTERN}'), '_'))`;
  const reserved = [...RESERVED_TABLES].map((word) => `'${word}'`).join(', ');
  return `case
    when ${name} = '' then 'event_' || left(sha256(${event}), ${HASH_CHARS})
    when length(${name}) > ${NAME_CHARS_MAX} or regexp_matches(${event}, '[^\\x00-\\x7f]')
      then left(${name}, ${CUT_CHARS}) || '_' || left(sha256(${event}), ${HASH_CHARS})
    when ${name} in (${reserved}) then '_' || ${name}
    else ${name} end`;
}

function nameOf(
  original: string,
  name: string,
  fallback: string,
  reserved: ReadonlySet<string>,
  mustHash = false,
): string {
  if (name === '') return `${fallback}_${hashOf(original)}`;
  const isLossy = mustHash || name.length > NAME_CHARS_MAX || BEYOND_ASCII.test(original);
  if (isLossy) return distinctName(name, original);
  return reserved.has(name) ? `_${name}` : name;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS);
}
