/**
 * The events of a live view. Thousands arrive in a second: they are sorted out as they come, the
 * page is drawn a few times a second, and it shows the latest of those that fit.
 */
import { parseShown } from '../../shown-json.ts';
import { matches } from './live-entries.ts';
import type { LiveEntry, LiveFilter } from './live-entries.ts';

export interface FeedView {
  /** The latest first. */
  shown: readonly LiveEntry[];
  /** Of all that arrived since the view was opened. */
  seen: number;
  matched: number;
  /** Arrived too fast to be sent to us. */
  missed: number;
  perSecond: number;
  /** Arrived while the view stands still. */
  waiting: number;
  isPaused: boolean;
}

export interface Feed {
  take(name: string, data: string): void;
  setFilter(filter: LiveFilter): void;
  pause(isPaused: boolean): void;
  clear(): void;
  view(nowMs: number): FeedView;
}

/** What a new filter can look back on. */
const KEPT_MAX = 2_000;
const SHOWN_MAX = 200;
const RATE_MS = 2_000;

export function createFeed(first: LiveFilter): Feed {
  let filter = first;
  let kept: LiveEntry[] = [];
  let fitting: LiveEntry[] = [];
  let frozen: { shown: readonly LiveEntry[]; matched: number } | null = null;
  let [seen, matched, missed] = [0, 0, 0];
  let rate = { sinceMs: 0, arrived: 0, perSecond: 0 };
  const latest = (): LiveEntry[] => fitting.slice(-SHOWN_MAX).toReversed();
  return {
    take(name, data) {
      if (name === 'missed') {
        missed += Number(data);
        rate.arrived += Number(data);
      }
      if (name !== 'message') return;
      const entry = { ...(parseShown(data) as LiveEntry), key: ++seen };
      rate.arrived++;
      kept = bounded(kept, entry, KEPT_MAX);
      if (!matches(entry, filter)) return;
      matched++;
      fitting = bounded(fitting, entry, SHOWN_MAX);
    },
    setFilter(next) {
      filter = next;
      const found = kept.filter((entry) => matches(entry, filter));
      fitting = found.slice(-SHOWN_MAX);
      matched = found.length;
      if (frozen) frozen = { shown: latest(), matched };
    },
    pause(isPaused) {
      frozen = isPaused ? { shown: latest(), matched } : null;
    },
    clear() {
      [kept, fitting, matched] = [[], [], 0];
      if (frozen) frozen = { shown: [], matched };
    },
    view(nowMs) {
      const sinceMs = nowMs - rate.sinceMs;
      if (sinceMs >= RATE_MS) {
        const perSecond = rate.sinceMs === 0 ? 0 : (rate.arrived * 1000) / sinceMs;
        rate = { sinceMs: nowMs, arrived: 0, perSecond };
      }
      return {
        shown: frozen ? frozen.shown : latest(),
        seen,
        matched,
        missed,
        perSecond: rate.perSecond,
        waiting: frozen ? matched - frozen.matched : 0,
        isPaused: frozen !== null,
      };
    },
  };
}

/** Cut only when it is twice as long, so that adding costs nothing. */
function bounded(list: LiveEntry[], entry: LiveEntry, max: number): LiveEntry[] {
  list.push(entry);
  return list.length > 2 * max ? list.slice(-max) : list;
}
