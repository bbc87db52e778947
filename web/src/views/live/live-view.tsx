/** Events as they arrive, and those that were refused, with the reason. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { events as listen } from '../../admin-api.ts';
import { count, shortCount, time } from '../../format.ts';
import { place } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { nameOf, whoOf } from './live-entries.ts';
import type { LiveEntry, LiveFilter } from './live-entries.ts';
import { Entry, Status } from './live-entry.tsx';
import { createFeed } from './live-feed.ts';
import type { Feed, FeedView } from './live-feed.ts';
import { Filters } from './live-filters.tsx';
import './live-view.css';

const DRAW_MS = 250;
const RECONNECT_MS = 2_000;
/** As in live-view.css. */
const PHONE = '(max-width: 760px)';

export function Live() {
  const { query } = place.value;
  const filter = filterOf(query);
  const feed = useMemo(() => createFeed(filter), []);
  const [view, setView] = useState<FeedView>(() => feed.view(Date.now()));
  const [chosen, setChosen] = useState<LiveEntry>();
  const draw = (): void => setView(feed.view(Date.now()));
  const { isConnected, error } = useTail(feed);
  useEffect(() => {
    feed.setFilter(filter);
    draw();
  }, [query]);
  useEffect(() => {
    const timer = setInterval(draw, DRAW_MS);
    return () => clearInterval(timer);
  }, []);
  const choose = (entry: LiveEntry): void => {
    setChosen(entry);
    // On a phone it is above the list; else beside it.
    if (!window.matchMedia(PHONE).matches) return;
    requestAnimationFrame(() => {
      document.querySelector('.entry-detail')?.scrollIntoView({ block: 'nearest' });
    });
  };
  const act = (work: () => void) => () => {
    work();
    draw();
  };
  return (
    <Page
      title="Live"
      actions={
        <>
          <Badge tone={isConnected ? 'good' : 'warn'}>
            {isConnected ? 'connected' : 'connecting'}
          </Badge>
          <button
            type="button"
            aria-pressed={view.isPaused}
            onClick={act(() => feed.pause(!view.isPaused))}
          >
            {view.isPaused ? 'Resume' : 'Pause'}
          </button>
          <button type="button" class="quiet" onClick={act(() => feed.clear())}>
            Clear
          </button>
        </>
      }
    >
      <Problem error={error} />
      <Filters source={filter.source} />
      <p class="muted">{summaryOf(view)}</p>
      {view.shown.length === 0 && <Nothing isNew={view.seen === 0} />}
      <div class="live">
        <Entries shown={view.shown} chosen={chosen?.key} onChoose={choose} />
        {chosen && <Entry entry={chosen} />}
      </div>
    </Page>
  );
}

/** Of what arrived, or at all. */
function Nothing({ isNew }: { isNew: boolean }) {
  if (!isNew) return <Empty>Nothing of what arrived fits these filters.</Empty>;
  return (
    <Empty>
      Nothing yet. Send something, for example with <code>npx millrace send</code>, or open your
      app.
    </Empty>
  );
}

function filterOf(query: URLSearchParams): LiveFilter {
  const given = (name: string): string => query.get(name) ?? '';
  return {
    text: given('q'),
    type: given('type'),
    name: given('event'),
    user: given('user'),
    source: given('source'),
    status: given('status'),
  };
}

function summaryOf(view: FeedView): string {
  const { shown, matched, seen, missed, perSecond, waiting, isPaused } = view;
  const parts = [
    `${shortCount(perSecond)} a second`,
    `the latest ${count(shown.length)} of ${count(matched)} that fit`,
    `${count(seen)} seen since this page was opened`,
  ];
  if (missed > 0) parts.push(`${count(missed)} more came too fast to be sent here`);
  if (isPaused) parts.push(`paused, ${count(waiting)} new`);
  return parts.join('; ');
}

/** Reads /tail until the view is left; again when the server ends it. */
function useTail(feed: Feed): { isConnected: boolean; error: Error | undefined } {
  const [state, setState] = useState<{ isConnected: boolean; error: Error | undefined }>({
    isConnected: false,
    error: undefined,
  });
  useEffect(() => {
    const stop = new AbortController();
    const stay = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        let error: Error | undefined;
        const onOpen = (): void => setState({ isConnected: true, error: undefined });
        await listen('/tail', feed.take, stop.signal, onOpen).catch((failure: Error) => {
          error = failure;
        });
        if (stop.signal.aborted) return;
        setState({ isConnected: false, error });
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    };
    void stay();
    return () => stop.abort();
  }, [feed]);
  return state;
}

interface EntriesProps {
  shown: readonly LiveEntry[];
  chosen: number | undefined;
  onChoose(entry: LiveEntry): void;
}

function Entries({ shown, chosen, onChoose }: EntriesProps) {
  // The list is long and mostly the same: it is made anew only when it differs.
  return useMemo(
    () => (
      <ul class="entries" aria-label="Events">
        {shown.map((entry) => (
          <li key={entry.key}>
            <button
              type="button"
              class="entry quiet"
              aria-pressed={entry.key === chosen}
              onClick={() => onChoose(entry)}
            >
              <span class="muted">{time(entry.receivedAt).slice(11)}</span>
              {entry.status !== 'stored' && <Status status={entry.status} />}
              <strong>{nameOf(entry)}</strong>
              <span class="muted">{whoOf(entry)}</span>
              <span class="muted">{entry.source}</span>
            </button>
          </li>
        ))}
      </ul>
    ),
    [shown[0]?.key, shown.length, chosen],
  );
}
