/** Our own questions to the lake: rows by the names of their columns, and literals that stay so. */
import type { Json } from '@duckdb/node-api';
import { MillraceError } from '../../base/errors.ts';
import { INTERNAL_SLUGS } from '../../base/internal-source.ts';
import { sqlText } from '../../lake/sql-text.ts';
import type { LakeService } from '../../query/lake-service.ts';

/** The lake as far as questions go. */
export type QueriedLake = Pick<LakeService, 'query'>;

export type LakeRow = Readonly<Record<string, Json | undefined>>;

const QUERY_MS = 15_000;

/** @param sql without a limit of its own. @throws MillraceError as `LakeService.query`. */
export async function lakeRows(
  lake: QueriedLake,
  sql: string,
  rowsMax: number,
): Promise<LakeRow[]> {
  const request = { sql: `${sql}\nlimit ${rowsMax}`, rowsMax };
  const result = await lake.query({ ...request, format: 'rows', timeoutMs: QUERY_MS });
  if (result.format !== 'rows') throw new MillraceError('SQL_FAILED', 'The lake sent no rows');
  const names = result.columns.map(({ name }) => name);
  return result.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
}

/** A literal of a text that may be in the lake, which has UTF-8 only. */
export function literal(text: string): string {
  return sqlText(text.toWellFormed());
}

/** Which rows of `events` are of people's sources, and not of Millrace's own. */
export const OF_PEOPLE = `source not in ${literals(INTERNAL_SLUGS)}`;

/** `(…)` for `in`; of nothing: a list that holds nothing. */
export function literals(texts: readonly string[]): string {
  return texts.length === 0 ? '(null)' : `(${texts.map(literal).join(', ')})`;
}

export function textOf(value: Json | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** A time of the lake, which is in UTC and says so nowhere. */
export function isoOf(value: Json | undefined): string | null {
  const text = textOf(value);
  if (text === null) return null;
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
