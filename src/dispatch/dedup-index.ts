/**
 * Which messageIds were seen inside the deduplication window, as 96-bit fingerprints in open
 * addressing tables: no strings, 19 to 24 bytes a key.
 *
 * Keys belong to generations, each of one hour of receipt and at most a sixteenth of all keys. A
 * full index forgets its oldest generation, never its newest. What is forgotten stays in its slot,
 * as a generation that nobody knows, until its table is rebuilt.
 *
 *   slot n of a shard: words[3n], words[3n+1], words[3n+2]   fingerprint (never all zero)
 *                      tags[n]                               generation, from 1; 0: free
 *
 * There are many shards, so that a rebuild, of one shard at a time, keeps nobody waiting.
 */
import { assert } from '../base/assert.ts';
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';

export interface DedupIndex {
  /** Returns true when the fingerprint is known within the window; otherwise adds it. */
  seenOrAdd(fingerprint: Uint8Array, at: number, hour: number): boolean;
  /** Makes room for so many more keys at once, before they are loaded. */
  reserve(keys: number): void;
  /** Adds many fingerprints of one hour; in large blocks this is several times as fast. */
  load(fingerprints: Uint8Array, hour: number): void;
  /** Keys that are remembered. */
  size(): number;
  /** Keys dropped before their window ended because the index was full. */
  evicted(): number;
}

export interface DedupOptions {
  windowHours: number;
  keysMax: number;
}

interface Shard {
  slots: number;
  words: Uint32Array;
  tags: Uint16Array;
  /** Slots that are not free, also of keys that are forgotten. */
  used: number;
}

const SHARD_BITS = 8;
const SLOTS_MIN = 64;
const LOAD_MAX = 0.75;
/** Of a shard that was just rebuilt. */
const LOAD_START = 0.6;
const GENERATIONS_OF_FULL = 16;
/** Then the names of generations begin anew; no slot keeps one for so long. */
const TAG_MAX = 0xffff;
const WORD_RANGE = 2 ** 32;

/** An empty index; `Ledger.loadFingerprints` fills it after a restart. */
export function createDedupIndex({ windowHours, keysMax }: DedupOptions): DedupIndex {
  const shards = Array.from({ length: 1 << SHARD_BITS }, () => newShard(SLOTS_MIN));
  /** Of each generation its hour, 0 when it is forgotten, and how many keys it has. */
  const hours = new Int32Array(TAG_MAX + 1);
  const counts = new Int32Array(TAG_MAX + 1);
  const generationKeysMax = Math.max(1, Math.floor(keysMax / GENERATIONS_OF_FULL));
  let oldestTag = 1;
  let newestTag = 0;
  let keys = 0;
  let evicted = 0;

  /** Returns how many keys it had. */
  const forgetOldest = (): number => {
    const gone = counts[oldestTag] as number;
    hours[oldestTag] = 0;
    counts[oldestTag] = 0;
    oldestTag = (oldestTag % TAG_MAX) + 1;
    keys -= gone;
    return gone;
  };
  /** Only when room is needed: a clock that jumps ahead and back then takes nothing away. */
  const forgetExpired = (hour: number): void => {
    while (oldestTag !== newestTag && hour - (hours[oldestTag] as number) > windowHours) {
      forgetOldest();
    }
  };
  const tagFor = (hour: number): number => {
    const newestHour = hours[newestTag] as number;
    // Hours that come again, because a clock was set back, belong to the newest one too.
    if (newestHour !== 0 && hour <= newestHour && (counts[newestTag] as number) < generationKeysMax)
      return newestTag;
    newestTag = (newestTag % TAG_MAX) + 1;
    hours[newestTag] = Math.max(hour, newestHour);
    return newestTag;
  };
  const rebuild = (at: number, keysWanted: number): void => {
    const before = shards[at];
    assert(before, 'there is a shard for each pattern of its bits');
    let live = 0;
    for (const tag of before.tags) if (hours[tag] !== 0) live++;
    const after = newShard(Math.ceil(Math.max(live, keysWanted) / LOAD_START));
    shards[at] = after;
    const { words, tags } = before;
    for (let slot = 0; slot < before.slots; slot++) {
      const tag = tags[slot] as number;
      if (hours[tag] === 0) continue;
      const word = slot * 3;
      const [a, b, c] = [
        words[word] as number,
        words[word + 1] as number,
        words[word + 2] as number,
      ];
      put(after, slotOf(after, a, b, c), a, b, c, tag);
    }
  };

  const seenOrAdd: DedupIndex['seenOrAdd'] = (fingerprint, at, hour) => {
    const a = wordAt(fingerprint, at);
    const b = wordAt(fingerprint, at + 4);
    const c = wordAt(fingerprint, at + 8);
    const shardAt = shardOf(fingerprint, at);
    let shard = shards[shardAt] as Shard;
    let slot = slotOf(shard, a, b, c);
    const known = shard.tags[slot] as number;
    const knownHour = hours[known] as number;
    if (knownHour !== 0) {
      if (hour - knownHour <= windowHours) return true;
      // Outside of the window it is a new event, and the first of the next window.
      counts[known] = (counts[known] as number) - 1;
      keys--;
    }
    if (keys >= keysMax) forgetExpired(hour);
    if (keys >= keysMax) evicted += forgetOldest();
    if (shard.used >= shard.slots * LOAD_MAX) {
      forgetExpired(hour);
      rebuild(shardAt, 0);
      shard = shards[shardAt] as Shard;
      slot = slotOf(shard, a, b, c);
    }
    const tag = tagFor(hour);
    put(shard, slot, a, b, c, tag);
    counts[tag] = (counts[tag] as number) + 1;
    keys++;
    return false;
  };

  return {
    seenOrAdd,
    load(fingerprints, hour) {
      // Shard by shard, because one is small enough to stay near the processor.
      for (const at of inShards(fingerprints)) seenOrAdd(fingerprints, at, hour);
    },
    reserve(count) {
      const each = Math.ceil(Math.min(keysMax, keys + count) / shards.length);
      for (let at = 0; at < shards.length; at++) {
        if ((shards[at]?.slots ?? 0) * LOAD_MAX < each) rebuild(at, each);
      }
    },
    size: () => keys,
    evicted: () => evicted,
  };
}

/** Places of the fingerprints, in the order of their shards. */
function inShards(fingerprints: Uint8Array): Uint32Array {
  const ends = new Uint32Array(1 << SHARD_BITS);
  const { length } = fingerprints;
  for (let at = 0; at < length; at += FINGERPRINT_BYTES) {
    const shard = shardOf(fingerprints, at);
    ends[shard] = (ends[shard] as number) + 1;
  }
  for (let shard = 1; shard < ends.length; shard++) {
    ends[shard] = (ends[shard] as number) + (ends[shard - 1] as number);
  }
  const places = new Uint32Array(length / FINGERPRINT_BYTES);
  for (let at = length - FINGERPRINT_BYTES; at >= 0; at -= FINGERPRINT_BYTES) {
    const shard = shardOf(fingerprints, at);
    const place = (ends[shard] as number) - 1;
    ends[shard] = place;
    places[place] = at;
  }
  return places;
}

/** The uppermost bits of the last word. */
function shardOf(fingerprint: Uint8Array, at: number): number {
  return (fingerprint[at + FINGERPRINT_BYTES - 1] as number) >>> (8 - SHARD_BITS);
}

function newShard(slots: number): Shard {
  const rounded = Math.max(SLOTS_MIN, slots);
  return {
    slots: rounded,
    words: new Uint32Array(rounded * 3),
    tags: new Uint16Array(rounded),
    used: 0,
  };
}

/** The slot that has the fingerprint, or the free one where it belongs. */
function slotOf({ slots, words, tags }: Shard, a: number, b: number, c: number): number {
  let slot = Math.floor((a / WORD_RANGE) * slots);
  for (;;) {
    if (tags[slot] === 0) return slot;
    const at = slot * 3;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return slot;
    if (++slot === slots) slot = 0;
  }
}

function put(shard: Shard, slot: number, a: number, b: number, c: number, tag: number): void {
  const { words, tags } = shard;
  if (tags[slot] === 0) shard.used++;
  const at = slot * 3;
  words[at] = a;
  words[at + 1] = b;
  words[at + 2] = c;
  tags[slot] = tag;
}

function wordAt(b: Uint8Array, at: number): number {
  return (
    ((b[at] as number) |
      ((b[at + 1] as number) << 8) |
      ((b[at + 2] as number) << 16) |
      ((b[at + 3] as number) << 24)) >>>
    0
  );
}
