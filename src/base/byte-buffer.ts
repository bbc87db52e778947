/** Bytes that are written one after the other into room that grows. */

/** Below so many bytes a loop is faster than a call. */
const LOOP_BYTES_MAX = 60;
const FIRST_BYTES = 256 * 1024;

export interface ByteBuffer {
  bytes: Buffer;
  length: number;
}

export function createByteBuffer(): ByteBuffer {
  return { bytes: Buffer.allocUnsafe(FIRST_BYTES), length: 0 };
}

/** Makes room for at least so many bytes more. */
export function reserve(out: ByteBuffer, more: number): void {
  const needed = out.length + more;
  if (needed <= out.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(needed, out.bytes.length * 2));
  out.bytes.copy(larger, 0, 0, out.length);
  out.bytes = larger;
}

/** Copies a part of a body; the room for it was reserved. */
export function putSlice(out: ByteBuffer, b: Buffer, start: number, end: number): void {
  const { bytes } = out;
  let at = out.length;
  if (end - start > LOOP_BYTES_MAX) {
    at += b.copy(bytes, at, start, end);
  } else {
    for (let p = start; p < end; p++) bytes[at++] = b[p] as number;
  }
  out.length = at;
}

/** Of any length: makes its own room. */
export function putText(out: ByteBuffer, text: string): void {
  reserve(out, text.length * 3);
  out.length += out.bytes.write(text, out.length, 'utf8');
}

/** Few characters of ASCII; the room for them was reserved. */
export function putAscii(out: ByteBuffer, text: string): void {
  const { bytes } = out;
  let at = out.length;
  for (let p = 0; p < text.length; p++) bytes[at++] = text.charCodeAt(p);
  out.length = at;
}

export function putByte(out: ByteBuffer, byte: number): void {
  out.bytes[out.length++] = byte;
}

/** A whole number; the room for 21 bytes was reserved. */
export function putNumber(out: ByteBuffer, value: number): void {
  if (!(value >= 1e9 && value < 1e15)) {
    putAscii(out, String(value));
    return;
  }
  const { bytes } = out;
  const above = Math.floor(value / 1e6) | 0;
  let end = out.length + (above < 1e5 ? (above < 1e4 ? 4 : 5) : above < 1e6 ? 6 : digitsOf(above));
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
  out.length = end;
}

function digitsOf(value: number): number {
  return value < 1e7 ? 7 : value < 1e8 ? 8 : 9;
}
