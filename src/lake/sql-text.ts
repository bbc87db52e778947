/** Quotes what comes from events for SQL statements. */

/** A literal of any text. A NUL would end the whole statement for the engine: it is computed. */
export function sqlText(text: string): string {
  if (!text.includes('\0')) return literal(text);
  return `(${text.split('\0').map(literal).join(' || chr(0) || ')})`;
}

export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `'a', 'b'` */
export function sqlTexts(texts: readonly string[]): string {
  return texts.map(sqlText).join(', ');
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
