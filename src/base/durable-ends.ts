/**
 * How far each partition is durable, shared between threads: writers publish, readers wait.
 *
 *   Int32  word 0   changes at every publication; readers wait on it
 *   (padding to 8)
 *   Int64  slot n   durable end of partition n
 */
export interface DurableEnds {
  /** Publishes from the writer's thread, and wakes readers. */
  publish(slot: number, position: number): void;
  read(slot: number): number;
  /** Resolves at the next publication after `seen`, or after the time; returns the new mark. */
  wait(seen: number, timeoutMs: number): Promise<number>;
  mark(): number;
}

const HEADER_BYTES = 8;

export function allocateDurableEnds(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + slots * 8);
}

/** A thread's view of shared durable ends; the memory comes from `allocateDurableEnds`. */
export function durableEndsOf(memory: SharedArrayBuffer): DurableEnds {
  const mark = new Int32Array(memory, 0, 1);
  const ends = new BigInt64Array(memory, HEADER_BYTES);
  return {
    publish(slot, position) {
      Atomics.store(ends, slot, BigInt(position));
      Atomics.add(mark, 0, 1);
      Atomics.notify(mark, 0);
    },
    read: (slot) => Number(Atomics.load(ends, slot)),
    async wait(seen, timeoutMs) {
      const waiting = Atomics.waitAsync(mark, 0, seen, timeoutMs);
      if (waiting.async) await waiting.value;
      return Atomics.load(mark, 0);
    },
    mark: () => Atomics.load(mark, 0),
  };
}
