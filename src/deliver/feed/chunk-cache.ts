/** What one destination has read of the log, for others at the same place. */

export interface Sized {
  bytes: number;
}

interface Entry<Chunk> {
  readonly reading: Promise<Chunk | null>;
  /** 0 while it is being read. */
  bytes: number;
}

export interface ChunkCache<Chunk extends Sized> {
  /** By key, the oldest first. */
  readonly entries: Map<string, Entry<Chunk>>;
  /** Of all entries. */
  bytes: number;
  readonly bytesMax: number;
}

export function createChunkCache<Chunk extends Sized>(bytesMax: number): ChunkCache<Chunk> {
  return { entries: new Map(), bytes: 0, bytesMax };
}

/** What is known by the key, or is being read; else it is read now, and kept. */
export function readThrough<Chunk extends Sized>(
  cache: ChunkCache<Chunk>,
  key: string,
  read: () => Promise<Chunk | null>,
): Promise<Chunk | null> {
  const known = cache.entries.get(key);
  if (known) return known.reading;
  const entry: Entry<Chunk> = { reading: read(), bytes: 0 };
  cache.entries.set(key, entry);
  entry.reading.then(
    (chunk) => (chunk === null ? forget(cache, key, entry) : keep(cache, key, entry, chunk)),
    () => forget(cache, key, entry),
  );
  return entry.reading;
}

/** Nothing is known any more. */
export function clearCache<Chunk extends Sized>(cache: ChunkCache<Chunk>): void {
  cache.entries.clear();
  cache.bytes = 0;
}

function forget<Chunk extends Sized>(
  cache: ChunkCache<Chunk>,
  key: string,
  entry: Entry<Chunk>,
): void {
  if (cache.entries.get(key) !== entry) return;
  cache.entries.delete(key);
  cache.bytes -= entry.bytes;
}

/** The oldest go when there is too much. One that went while it was being read takes no room. */
function keep<Chunk extends Sized>(
  cache: ChunkCache<Chunk>,
  key: string,
  entry: Entry<Chunk>,
  chunk: Chunk,
): void {
  if (cache.entries.get(key) !== entry) return;
  entry.bytes = chunk.bytes;
  cache.bytes += chunk.bytes;
  for (const [oldest, old] of cache.entries) {
    if (cache.bytes <= cache.bytesMax || old === entry) break;
    forget(cache, oldest, old);
  }
}
