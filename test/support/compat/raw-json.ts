/**
 * Parts of a JSON text as they were written. The oracle of what may not change on the way to SQL:
 * `JSON.parse` would make the same mistakes as a product that uses it.
 */

/** No number that an SDK writes is longer. */
const SCALAR_CHARS_MAX = 1_000;

/** The members of an object: name to the text of its value. The last of equal names wins. */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = expect(text, skipSpace(text, 0), '{');
  while (text[at] !== '}') {
    const nameEnd = endOfValue(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const start = skipSpace(text, expect(text, skipSpace(text, nameEnd), ':'));
    const end = endOfValue(text, start);
    members.set(name, text.slice(start, end));
    at = afterItem(text, end);
  }
  return members;
}

/** The texts of an array's items. */
export function itemsOf(text: string): string[] {
  const items: string[] = [];
  let at = expect(text, skipSpace(text, 0), '[');
  while (text[at] !== ']') {
    const end = endOfValue(text, at);
    items.push(text.slice(at, end));
    at = afterItem(text, end);
  }
  return items;
}

function afterItem(text: string, at: number): number {
  const next = skipSpace(text, at);
  return text[next] === ',' ? skipSpace(text, next + 1) : next;
}

function expect(text: string, at: number, mark: string): number {
  if (text[at] !== mark) throw new Error(`no ${mark} at ${at} of ${text.slice(0, 200)}`);
  return skipSpace(text, at + 1);
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (/[ \t\r\n]/.test(text[next] ?? '')) next++;
  return next;
}

function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return endOfText(text, start) + 1;
  if (!'{['.includes(text[start] ?? ' ')) {
    const [scalar = ''] = /^[^,\s}\]]+/.exec(text.slice(start, start + SCALAR_CHARS_MAX)) ?? [];
    if (scalar === '') throw new Error(`no value at ${start}`);
    return start + scalar.length;
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const mark = text[at] ?? '';
    if (mark === '"') at = endOfText(text, at);
    if ('{['.includes(mark)) depth++;
    if ('}]'.includes(mark)) depth--;
    if (depth === 0) return at + 1;
  }
  throw new Error(`no end of the value at ${start}`);
}

/** Of the closing quote. */
function endOfText(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  if (at >= text.length) throw new Error(`no end of the text at ${start}`);
  return at;
}
