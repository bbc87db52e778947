/**
 * Ids as UTF-8 can say them. JSON has halves of surrogate pairs, UTF-8 has none: each is written as
 * JSON writes it, `\ud800`, because two ids in which it became one sign would be one user or one
 * event. A backslash that would read as such an escape is `\u005c`.
 */
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const LIKE_ESCAPE = /\\(?=u(?:005c|d[89a-f][0-9a-f]{2}))/g;
const ESCAPE = /\\u(005c|d[89a-f][0-9a-f]{2})/g;

/** Nearly always the id itself. */
export function writableId(id: string): string {
  if (id.isWellFormed() && !id.includes('\\u')) return id;
  return id.replace(LIKE_ESCAPE, '\\u005c').replace(HALF, (half) => {
    return `\\u${half.charCodeAt(0).toString(16)}`;
  });
}

/** The same where there may be no id. */
export function writableOrNull(id: string | null): string | null {
  return id === null ? null : writableId(id);
}

/** The id that was written so. */
export function idAsSent(written: string): string {
  return written.replace(ESCAPE, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
