/**
 * An open addressing table of fingerprints, each with the tag of its generation.
 *
 *   slot n: words[3n], words[3n+1], words[3n+2]   fingerprint (never all zero)
 *           tags[n]                               generation, from 1; 0: free
 */
export interface Shard {
  slots: number;
  words: Uint32Array;
  tags: Uint16Array;
  /** Slots that are not free, also of keys that are forgotten. */
  used: number;
}

const SLOTS_MIN = 64;
const WORD_RANGE = 2 ** 32;

/** One with so many slots, all free, and with a few in any case. */
export function newShard(slots: number): Shard {
  const rounded = Math.max(SLOTS_MIN, slots);
  return {
    slots: rounded,
    words: new Uint32Array(rounded * 3),
    tags: new Uint16Array(rounded),
    used: 0,
  };
}

/** The slot that has the fingerprint, or the free one where it belongs. */
export function slotOf({ slots, words, tags }: Shard, a: number, b: number, c: number): number {
  let slot = Math.floor((a / WORD_RANGE) * slots);
  for (;;) {
    if (tags[slot] === 0) return slot;
    const at = slot * 3;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return slot;
    if (++slot === slots) slot = 0;
  }
}

/** @param slot as `slotOf` says. */
export function putKey(
  shard: Shard,
  slot: number,
  a: number,
  b: number,
  c: number,
  tag: number,
): void {
  const { words, tags } = shard;
  if (tags[slot] === 0) shard.used++;
  const at = slot * 3;
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
  tags[slot] = tag;
}

/** Puts the keys of which the generation is known still into another shard. */
export function copyLiving(from: Shard, to: Shard, hours: Int32Array): void {
  const { slots, words, tags } = from;
  for (let slot = 0; slot < slots; slot++) {
    const tag = tags[slot] as number;
    if (hours[tag] === 0) continue;
    const word = slot * 3;
    const a = words[word] as number;
    const b = words[word + 1] as number;
    const c = words[word + 2] as number;
    putKey(to, slotOf(to, a, b, c), a, b, c, tag);
  }
}
