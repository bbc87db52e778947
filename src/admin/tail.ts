/**
 * Live events as server-sent events. A reader that does not keep up misses events and is told how
 * many; accounts that are kept to some sources see only theirs; and who may see no longer what he
 * saw when the stream began does not go on seeing it.
 */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { TailEntry } from '../lake/messages.ts';
import type { Actor } from '../store/audit.ts';
import { maySee, sourcesSeenBy } from './actor.ts';

/** Calls back with events, and with how many more there were, until what it returns is called. */
export type Tail = (
  onEntries: (entries: readonly TailEntry[], missed: number) => void,
) => () => void;

const PENDING_MAX = 2_000;
const KEEP_ALIVE_MS = 15_000;
const CHECK_MS = 5_000;

/** @param actor of this moment; throws when nobody is signed in any more. */
export function answerTail(tail: Tail, c: Context, actor: () => Actor): Response {
  let seer: Actor | null = actor();
  return streamSSE(c, async (stream) => {
    let pending: TailEntry[] = [];
    let missed = 0;
    let wake = (): void => undefined;
    const stop = tail((entries, further) => {
      const own = seer;
      if (!own) return;
      const isAll = sourcesSeenBy(own) === null;
      const seen = isAll ? entries : entries.filter(({ source }) => maySee(own, String(source)));
      const room = Math.max(0, PENDING_MAX - pending.length);
      pending.push(...seen.slice(0, room));
      // Whose the further ones are is not known.
      missed += Math.max(0, seen.length - room) + (isAll ? further : 0);
      wake();
    });
    const checks = setInterval(() => {
      seer = actorOrNull(actor);
      if (!seer) wake();
    }, CHECK_MS);
    stream.onAbort(() => {
      stop();
      clearInterval(checks);
      wake();
    });
    while (!stream.aborted && seer) {
      const batch = pending;
      pending = [];
      for (const entry of batch) await stream.writeSSE({ data: JSON.stringify(entry) });
      if (missed > 0) {
        await stream.writeSSE({ event: 'missed', data: String(missed) });
        missed = 0;
      }
      if (pending.length > 0) continue;
      const timer = setTimeout(() => wake(), KEEP_ALIVE_MS);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      clearTimeout(timer);
      if (pending.length === 0 && !stream.aborted) await stream.write(': alive\n\n');
    }
    stop();
    clearInterval(checks);
  });
}

function actorOrNull(actor: () => Actor): Actor | null {
  try {
    return actor();
  } catch {
    return null;
  }
}
