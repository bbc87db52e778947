/**
 * Live events as server-sent events. A reader that does not keep up misses events and is told how
 * many; accounts that are kept to some sources see only theirs; and who may see no longer what he
 * saw when the stream began does not go on seeing it. The first bytes, a comment, say that whatever
 * is sent from then on will be seen, and of what is too much the latest stays.
 */
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { TailLine } from '../lake/tail-shapes.ts';
import { tailEntriesPerSecond } from '../lake/tail-share.ts';
import type { Actor } from '../store/people/people-shapes.ts';
import { maySee, sourcesSeenBy } from '../operate/rights/actor-rights.ts';

/** Calls back with events, and with how many more there were, until what it returns is called. */
export type Tail = (
  onEntries: (entries: readonly TailLine[], missed: number) => void,
) => () => void;

const PENDING_MAX = 2_000;
/** How often a reader gets what has come. */
const FLUSH_MS = 200;
const KEEP_ALIVE_MS = 15_000;
const CHECK_MS = 5_000;

/** Readers of this process. */
let readers = 0;

/** @param actor of this moment; throws when nobody is signed in any more. */
export function answerTail(tail: Tail, c: Context, actor: () => Actor): Response {
  let seer: Actor | null = actor();
  return streamSSE(c, async (stream) => {
    let pending: TailLine[] = [];
    let missed = 0;
    let wake = (): void => undefined;
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const stop = tail((entries, further) => {
      begin();
      const own = seer;
      if (!own) return;
      const isAll = sourcesSeenBy(own) === null;
      const seen = isAll ? entries : entries.filter(({ source }) => maySee(own, source));
      pending.push(...seen);
      const over = Math.max(0, pending.length - PENDING_MAX);
      pending.splice(0, over);
      // Whose the further ones are is not known.
      missed += over + (isAll ? further : 0);
      wake();
    });
    const checks = setInterval(() => {
      seer = actorOrNull(actor);
      if (!seer) wake();
    }, CHECK_MS);
    let isReading = true;
    const leave = (): void => {
      if (isReading) readers--;
      isReading = false;
      stop();
      clearInterval(checks);
      begin();
      wake();
    };
    stream.onAbort(leave);
    readers++;
    try {
      await begun;
      await stream.write(': open\n\n');
      while (!stream.aborted && seer) {
        const isIdle = pending.length === 0 && missed === 0;
        if (isIdle) await pause(KEEP_ALIVE_MS, (resolve) => (wake = resolve));
        if (stream.aborted || !seer) break;
        const batch = pending.slice(-flushEntriesMax());
        missed += pending.length - batch.length;
        pending = [];
        const text = batch.map(lineOf).join('') + (missed > 0 ? missedLine(missed) : '');
        missed = 0;
        await stream.write(text === '' ? ': alive\n\n' : text);
        // What comes meanwhile is written together, and no faster than it can be read.
        if (text !== '') await pause(FLUSH_MS);
      }
    } finally {
      leave();
    }
  });
}

/** Each reader's share of what all may have. */
function flushEntriesMax(): number {
  return Math.ceil((tailEntriesPerSecond(readers) * FLUSH_MS) / 1000);
}

function lineOf({ json }: TailLine): string {
  return `data: ${json}\n\n`;
}

function missedLine(count: number): string {
  return `event: missed\ndata: ${count}\n\n`;
}

/** @param onWait takes what ends the pause early. */
async function pause(ms: number, onWait?: (end: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    onWait?.(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function actorOrNull(actor: () => Actor): Actor | null {
  try {
    return actor();
  } catch {
    return null;
  }
}
