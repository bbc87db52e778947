/** What one destination has read of the log, for others at the same place. */

export interface Sized {
  bytes: number;
}

export interface ChunkCache<Chunk extends Sized> {
  /** By key; those that are being read are in it too. The oldest come first. */
  readonly readings: Map<string, Promise<Chunk | null>>;
  /** Of those that were read. */
  readonly sizes: Map<string, number>;
  bytes: number;
  readonly bytesMax: number;
}

export function createChunkCache<Chunk extends Sized>(bytesMax: number): ChunkCache<Chunk> {
  return { readings: new Map(), sizes: new Map(), bytes: 0, bytesMax };
}

/** What is known by the key, or is being read; else it is read now, and kept. */
export function readThrough<Chunk extends Sized>(
  cache: ChunkCache<Chunk>,
  key: string,
  read: () => Promise<Chunk | null>,
): Promise<Chunk | null> {
  const known = cache.readings.get(key);
  if (known) return known;
  const reading = read();
  cache.readings.set(key, reading);
  reading.then(
    (chunk) => (chunk === null ? forget(cache, key) : keep(cache, key, chunk)),
    () => forget(cache, key),
  );
  return reading;
}

function forget<Chunk extends Sized>(cache: ChunkCache<Chunk>, key: string): void {
  cache.readings.delete(key);
  cache.bytes -= cache.sizes.get(key) ?? 0;
  cache.sizes.delete(key);
}

/** The oldest go when there is too much. */
function keep<Chunk extends Sized>(cache: ChunkCache<Chunk>, key: string, chunk: Chunk): void {
  cache.sizes.set(key, chunk.bytes);
  cache.bytes += chunk.bytes;
  for (const oldest of cache.readings.keys()) {
    if (cache.bytes <= cache.bytesMax || oldest === key) break;
    forget(cache, oldest);
  }
}
