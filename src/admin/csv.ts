import type { SqlRows } from '../query/run-sql.ts';

/**
 * CSV by RFC 4180. A text cell that a spreadsheet would run as a formula (it starts with `=`, `+`,
 * `-`, `@`, their full-width forms, or white space before one of them) is prefixed with an
 * apostrophe; numbers stay as they are.
 */
export function toCsv(result: Pick<SqlRows, 'columns' | 'rows'>): string {
  const lines = [result.columns.map(({ name }) => cell(name)).join(',')];
  for (const row of result.rows) lines.push(row.map(cell).join(','));
  return lines.join('\r\n') + '\r\n';
}

/** Spreadsheets drop what is not seen before they look for a formula. */
const FORMULA = /^(?:[\t\r]|\s*[=+\-@＝＋－＠])/;

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const isNumber = typeof value === 'number' || (typeof value === 'string' && isNumeric(value));
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = !isNumber && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function isNumeric(text: string): boolean {
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text);
}
