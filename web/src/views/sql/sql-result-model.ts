/** What can be drawn of a result, and where a statement is wrong. Pure. */
import type { SqlAnswer, SqlColumn } from '../../../../src/operate/sql/sql-shapes.ts';

export type ChartModel =
  | { kind: 'line'; times: number[]; lines: { name: string; values: (number | null)[] }[] }
  | { kind: 'bar'; name: string; bars: { label: string; value: number }[] };

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(.*\))$/;
const TIME = /^(DATE|TIMESTAMP.*)$/;
const LINES_MAX = 6;
const POINTS_MAX = 2_000;
const BARS_MAX = 30;

/**
 * A time and numbers are lines; anything else and a number are bars, when they are few enough to be
 * read. Null: only a table shows this.
 */
export function chartOf({ columns, rows }: SqlAnswer): ChartModel | null {
  const numbers = columns.flatMap(({ type }, at) => (NUMBER.test(type) ? [at] : []));
  if (numbers.length === 0 || rows.length === 0) return null;
  const time = columns.findIndex(({ type }) => TIME.test(type));
  if (time >= 0) return rows.length > 1 ? linesOf(columns, rows, time, numbers) : null;
  const label = columns.findIndex((_, at) => !numbers.includes(at));
  const shownLabel = label >= 0 || numbers.length < 2 ? label : 0;
  const value = numbers.find((at) => at !== shownLabel);
  if (shownLabel < 0 || value === undefined || rows.length > BARS_MAX) return null;
  const bars = rows.map((row) => ({
    label: cellText(row[shownLabel]),
    value: Number(row[value]) || 0,
  }));
  return { kind: 'bar', name: columns[value]?.name ?? '', bars };
}

function linesOf(
  columns: readonly SqlColumn[],
  rows: readonly unknown[][],
  time: number,
  numbers: readonly number[],
): ChartModel | null {
  const sorted = rows
    .map((row) => ({ row, seconds: secondsOf(row[time]) }))
    .filter(({ seconds }) => !Number.isNaN(seconds))
    .sort((one, other) => one.seconds - other.seconds)
    .slice(0, POINTS_MAX);
  if (sorted.length < 2) return null;
  const lines = numbers.slice(0, LINES_MAX).map((at) => ({
    name: columns[at]?.name ?? '',
    values: sorted.map(({ row }) => (row[at] === null ? null : Number(row[at]))),
  }));
  return { kind: 'line', times: sorted.map(({ seconds }) => seconds), lines };
}

/** The lake's times are UTC and say so nowhere. */
function secondsOf(value: unknown): number {
  const text = String(value).replace(' ', 'T');
  const isZoned = !text.includes('T') || /(Z|[+-]\d\d(:?\d\d)?)$/.test(text);
  return Date.parse(isZoned ? text.replace(/([+-]\d\d)$/, '$1:00') : `${text}Z`) / 1000;
}

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function isNumber({ type }: SqlColumn): boolean {
  return NUMBER.test(type);
}

/** Where the engine says that a statement is wrong: line from 1, column from 0. */
export function placeOfError(message: string): { line: number; column: number } | null {
  const found = /LINE (\d+): (.*)\n( *)\^/.exec(message);
  if (!found) return null;
  const [, line = '', text = '', spaces = ''] = found;
  // Of a long line the engine shows a part, and nothing says which.
  const isCut = text.startsWith('...');
  const column = isCut ? 0 : Math.max(0, spaces.length - `LINE ${line}: `.length);
  return { line: Number(line), column };
}
