/**
 * Which messageIds were seen inside the deduplication window, as 96-bit fingerprints in open
 * addressing tables: no strings, 19 to 24 bytes a key.
 *
 * Keys belong to generations, each of one hour of receipt and at most a sixteenth of all keys. A
 * full index forgets its oldest generation, never its newest. What is forgotten stays in its slot,
 * as a generation that nobody knows, until its table is rebuilt.
 *
 * There are many shards, so that a rebuild, of one shard at a time, keeps nobody waiting.
 */
import { FINGERPRINT_BYTES } from '../events/fingerprint.ts';
import { copyLiving, newShard, putKey, slotOf } from './dedup-shard.ts';
import type { Shard } from './dedup-shard.ts';

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

interface IndexState {
  windowHours: number;
  keysMax: number;
  generationKeysMax: number;
  /** One for each pattern of the uppermost bits. */
  shards: Shard[];
  /** Of each generation, by its tag, its hour; 0 when it is forgotten. */
  hours: Int32Array;
  /** How many keys it has. */
  counts: Int32Array;
  oldestTag: number;
  newestTag: number;
  keys: number;
  evicted: number;
}

const SHARD_BITS = 8;
const LOAD_MAX = 0.75;
/** Of a shard that was just rebuilt. */
const LOAD_START = 0.6;
const GENERATIONS_OF_FULL = 16;
/** Then the names of generations begin anew; no slot keeps one for so long. */
const TAG_MAX = 0xffff;

/** An empty index; `Ledger.loadFingerprints` fills it after a restart. */
export function createDedupIndex({ windowHours, keysMax }: DedupOptions): DedupIndex {
  const index: IndexState = {
    windowHours,
    keysMax,
    generationKeysMax: Math.max(1, Math.floor(keysMax / GENERATIONS_OF_FULL)),
    shards: Array.from({ length: 1 << SHARD_BITS }, () => newShard(0)),
    hours: new Int32Array(TAG_MAX + 1),
    counts: new Int32Array(TAG_MAX + 1),
    oldestTag: 1,
    newestTag: 0,
    keys: 0,
    evicted: 0,
  };
  return {
    seenOrAdd: (fingerprint, at, hour) => seenOrAdd(index, fingerprint, at, hour),
    load: (fingerprints, hour) => load(index, fingerprints, hour),
    reserve: (keys) => reserve(index, keys),
    size: () => index.keys,
    evicted: () => index.evicted,
  };
}

function seenOrAdd(index: IndexState, fingerprint: Uint8Array, at: number, hour: number): boolean {
  const { shards, hours, counts, keysMax } = index;
  const a = wordAt(fingerprint, at);
  const b = wordAt(fingerprint, at + 4);
  const c = wordAt(fingerprint, at + 8);
  const shardAt = shardOf(fingerprint, at);
  let shard = shards[shardAt] as Shard;
  let slot = slotOf(shard, a, b, c);
  const known = shard.tags[slot] as number;
  const knownHour = hours[known] as number;
  if (knownHour !== 0) {
    if (hour - knownHour <= index.windowHours) return true;
    // Outside of the window it is a new event, and the first of the next window.
    counts[known] = (counts[known] as number) - 1;
    index.keys--;
  }
  if (index.keys >= keysMax) forgetExpired(index, hour);
  if (index.keys >= keysMax) index.evicted += forgetOldest(index);
  if (shard.used >= shard.slots * LOAD_MAX) {
    forgetExpired(index, hour);
    shard = rebuild(index, shardAt, 0);
    slot = slotOf(shard, a, b, c);
  }
  const tag = tagFor(index, hour);
  putKey(shard, slot, a, b, c, tag);
  counts[tag] = (counts[tag] as number) + 1;
  index.keys++;
  return false;
}

/** Only when room is needed: a clock that jumps ahead and back then takes nothing away. */
function forgetExpired(index: IndexState, hour: number): void {
  const { hours, windowHours } = index;
  while (
    index.oldestTag !== index.newestTag &&
    hour - (hours[index.oldestTag] as number) > windowHours
  ) {
    forgetOldest(index);
  }
}

/** Returns how many keys it had. */
function forgetOldest(index: IndexState): number {
  const { hours, counts, oldestTag } = index;
  const gone = counts[oldestTag] as number;
  hours[oldestTag] = 0;
  counts[oldestTag] = 0;
  index.oldestTag = (oldestTag % TAG_MAX) + 1;
  index.keys -= gone;
  return gone;
}

/** The generation to which a new key of the hour belongs. */
function tagFor(index: IndexState, hour: number): number {
  const { hours, counts, newestTag, generationKeysMax } = index;
  const newestHour = hours[newestTag] as number;
  // Hours that come again, because a clock was set back, belong to the newest one too.
  if (newestHour !== 0 && hour <= newestHour && (counts[newestTag] as number) < generationKeysMax)
    return newestTag;
  const tag = (newestTag % TAG_MAX) + 1;
  index.newestTag = tag;
  hours[tag] = Math.max(hour, newestHour);
  return tag;
}

/** Makes a shard anew, without what is forgotten, with room for so many keys. */
function rebuild({ shards, hours }: IndexState, at: number, keysWanted: number): Shard {
  const before = shards[at] as Shard;
  let live = 0;
  for (const tag of before.tags) if (hours[tag] !== 0) live++;
  const after = newShard(Math.ceil(Math.max(live, keysWanted) / LOAD_START));
  copyLiving(before, after, hours);
  shards[at] = after;
  return after;
}

function reserve(index: IndexState, count: number): void {
  const { shards, keysMax, keys } = index;
  const each = Math.ceil(Math.min(keysMax, keys + count) / shards.length);
  for (let at = 0; at < shards.length; at++) {
    if ((shards[at] as Shard).slots * LOAD_MAX < each) rebuild(index, at, each);
  }
}

function load(index: IndexState, fingerprints: Uint8Array, hour: number): void {
  // Shard by shard, because one is small enough to stay near the processor.
  for (const at of inShards(fingerprints)) seenOrAdd(index, fingerprints, at, hour);
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

function wordAt(b: Uint8Array, at: number): number {
  return (
    ((b[at] as number) |
      ((b[at + 1] as number) << 8) |
      ((b[at + 2] as number) << 16) |
      ((b[at + 3] as number) << 24)) >>>
    0
  );
}
