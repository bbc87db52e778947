/** Bytes of rows, one line each, as they are handed to the SQL engine. */

/** Between the fields of a line. JSON has it nowhere but escaped. */
export const FIELD_END = 0x1f;
export const LINE_END = 0x0a;

/** Below so many bytes a loop is faster than a call. */
const LOOP_BYTES_MAX = 60;
const FIRST_BYTES = 256 * 1024;

export interface LineBuffer {
  bytes: Buffer;
  length: number;
}

export function createLineBuffer(): LineBuffer {
  return { bytes: Buffer.allocUnsafe(FIRST_BYTES), length: 0 };
}

/** Makes room for at least so many bytes more. */
export function reserve(lines: LineBuffer, more: number): void {
  const needed = lines.length + more;
  if (needed <= lines.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(needed, lines.bytes.length * 2));
  lines.bytes.copy(larger, 0, 0, lines.length);
  lines.bytes = larger;
}

/** Copies a part of a body; the room for it was reserved. */
export function putSlice(lines: LineBuffer, b: Buffer, start: number, end: number): void {
  const { bytes } = lines;
  let at = lines.length;
  if (end - start > LOOP_BYTES_MAX) {
    at += b.copy(bytes, at, start, end);
  } else {
    for (let p = start; p < end; p++) bytes[at++] = b[p] as number;
  }
  lines.length = at;
}

/** Of any length: makes its own room. */
export function putText(lines: LineBuffer, text: string): void {
  reserve(lines, text.length * 3);
  lines.length += lines.bytes.write(text, lines.length, 'utf8');
}

/** Few characters of ASCII; the room for them was reserved. */
export function putAscii(lines: LineBuffer, text: string): void {
  const { bytes } = lines;
  let at = lines.length;
  for (let p = 0; p < text.length; p++) bytes[at++] = text.charCodeAt(p);
  lines.length = at;
}

export function putByte(lines: LineBuffer, byte: number): void {
  lines.bytes[lines.length++] = byte;
}

/** A whole number; the room for 21 bytes was reserved. */
export function putNumber(lines: LineBuffer, value: number): void {
  if (!(value >= 1e9 && value < 1e15)) {
    putAscii(lines, String(value));
    return;
  }
  const { bytes } = lines;
  const above = Math.floor(value / 1e6) | 0;
  let end =
    lines.length + (above < 1e5 ? (above < 1e4 ? 4 : 5) : above < 1e6 ? 6 : digitsOf(above));
  let at = end;
  for (let rest = above; rest > 0;) {
    const next = (rest / 10) | 0;
    bytes[--at] = 0x30 + (rest - next * 10);
    rest = next;
  }
  end += 6;
  at = end;
  let rest = value - above * 1e6;
  for (let digit = 0; digit < 6; digit++) {
    const next = (rest / 10) | 0;
    bytes[--at] = 0x30 + (rest - next * 10);
    rest = next;
  }
  lines.length = end;
}

function digitsOf(value: number): number {
  return value < 1e7 ? 7 : value < 1e8 ? 8 : 9;
}
