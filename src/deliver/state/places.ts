/**
 * The events of an attempt in few bytes: for each, the distance of its record from the first one
 * and its index in the record, as LEB128 numbers. Ten million attempts fit where rows would not.
 */

interface Place {
  position: number;
  index: number;
}

export function encodePlaces(places: readonly Place[], first: number): Uint8Array {
  const bytes: number[] = [];
  for (const { position, index } of places) {
    pushNumber(bytes, position - first);
    pushNumber(bytes, index);
  }
  return Uint8Array.from(bytes);
}

export function decodePlaces(bytes: Uint8Array, first: number): Place[] {
  const places: Place[] = [];
  for (let at = 0; at < bytes.length;) {
    const [distance, afterDistance] = numberAt(bytes, at);
    const [index, next] = numberAt(bytes, afterDistance);
    places.push({ position: first + distance, index });
    at = next;
  }
  return places;
}

/** Arithmetic, not bits: a distance may be larger than 32 bits. */
function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function numberAt(bytes: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  let factor = 1;
  for (let at = from; ; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte % 128) * factor;
    factor *= 128;
    if (byte < 128) return [value, at + 1];
  }
}
