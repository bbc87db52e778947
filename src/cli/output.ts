/** What commands print. */

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** A remark that is no result: standard error, so that results can be piped. */
export function printNote(line: string): void {
  process.stderr.write(`${line}\n`);
}

const CELL_CHARS_MAX = 120;

/** Aligned columns. Cells are cut, and control characters shown, so that data cannot draw. */
export function tableText(heads: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cellText(cell)));
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...cells.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width));
  return [line(heads), line(rule), ...cells.map(line)].join('\n');
}

/** A value on one line: cut to `charsMax`, and its control characters shown. */
export function cellText(value: unknown, charsMax = CELL_CHARS_MAX): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const shown = text.replace(/[\p{Cc}\p{Cf}]/gu, (char) => {
    return `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
  return shown.length > charsMax ? `${shown.slice(0, charsMax - 1)}…` : shown;
}
