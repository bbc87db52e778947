/** Log readers that stand where a chunk ended, for whoever reads on from there. */
import type { LogReader } from '../../log/log-reader.ts';

/** By place; the oldest come first. */
export type IdleReaders = Map<string, LogReader>;

const IDLE_READERS_MAX = 16;

/** Takes the reader that stands at the place, if there is one. */
export function takeReader(idle: IdleReaders, place: string): LogReader | undefined {
  const reader = idle.get(place);
  idle.delete(place);
  return reader;
}

/** Keeps a reader that stands at the place; closes the oldest when there are too many. */
export async function keepReader(
  idle: IdleReaders,
  place: string,
  reader: LogReader,
): Promise<void> {
  if (idle.has(place)) return reader.close();
  idle.set(place, reader);
  for (const [oldest, old] of idle) {
    if (idle.size <= IDLE_READERS_MAX) break;
    idle.delete(oldest);
    await old.close();
  }
}

export async function closeReaders(idle: IdleReaders): Promise<void> {
  for (const reader of idle.values()) await reader.close();
  idle.clear();
}
