/** Events as they arrive, and those that were refused, with the reason. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { events as listen } from '../../api.ts';
import { count, time } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Field } from '../../parts/field.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { place, setQuery } from '../../router.ts';
import { Entry } from './entry.tsx';
import { matches, nameOf, receivedAt, whoOf } from './entries.ts';
import type { LiveEntry } from './entries.ts';
import './live.css';

/** Older ones go; the lake has them all. */
const KEPT_MAX = 2_000;
const SHOWN_MAX = 200;
/** At thousands of events a second the page is drawn so often, and not for each. */
const DRAW_MS = 250;
const RECONNECT_MS = 2_000;

export function Live() {
  const kept = useRef<LiveEntry[]>([]);
  const numbers = useRef({ seen: 0, missed: 0 });
  const isPaused = useRef(false);
  const [, draw] = useState(0);
  const [isConnected, setConnected] = useState(false);
  const [chosen, setChosen] = useState<number>();
  const { query } = place.value;
  const filter = {
    text: query.get('q') ?? '',
    type: query.get('type') ?? '',
    source: query.get('source') ?? '',
    status: query.get('status') ?? '',
  };
  useEffect(() => {
    const stop = new AbortController();
    const take = (name: string, data: string): void => {
      if (name === 'missed') numbers.current.missed += Number(data);
      if (name !== 'message') return;
      const entry = JSON.parse(data) as LiveEntry;
      numbers.current.seen++;
      if (isPaused.current) return;
      kept.current.unshift({ ...entry, key: numbers.current.seen });
      if (kept.current.length > KEPT_MAX) kept.current.length = KEPT_MAX;
    };
    const stay = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        setConnected(true);
        await listen('/tail', take, stop.signal).catch(() => undefined);
        if (stop.signal.aborted) return;
        setConnected(false);
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    };
    void stay();
    const timer = setInterval(() => draw((turn) => turn + 1), DRAW_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  const shown = useMemo(
    () => kept.current.filter((entry) => matches(entry, filter)).slice(0, SHOWN_MAX),
    [numbers.current.seen, isPaused.current, query],
  );
  const own = shown.find(({ key }) => key === chosen);
  return (
    <Page
      title="Live"
      actions={
        <>
          <Badge tone={isConnected ? 'good' : 'bad'}>{isConnected ? 'connected' : 'waiting'}</Badge>
          <button
            type="button"
            aria-pressed={isPaused.current}
            onClick={() => {
              isPaused.current = !isPaused.current;
              draw((turn) => turn + 1);
            }}
          >
            {isPaused.current ? 'Resume' : 'Pause'}
          </button>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              kept.current = [];
              draw((turn) => turn + 1);
            }}
          >
            Clear
          </button>
        </>
      }
    >
      <Filters filter={filter} />
      <p class="muted">
        {count(numbers.current.seen)} seen since this page was opened
        {numbers.current.missed > 0 && `, ${count(numbers.current.missed)} too fast to be shown`}
        {isPaused.current && ', paused'}; the latest {shown.length} that match.
      </p>
      {kept.current.length === 0 ? (
        <Empty>
          Nothing yet. Send something, for example with <code>npx millrace send</code>, or open your
          app.
        </Empty>
      ) : (
        <div class="live">
          <ul class="entries" aria-label="Events">
            {shown.map((entry) => (
              <li key={entry.key}>
                <button
                  type="button"
                  class="entry quiet"
                  aria-pressed={entry.key === chosen}
                  onClick={() => setChosen(entry.key)}
                >
                  <span class="muted">{time(receivedAt(entry)).slice(11)}</span>
                  {entry.status === 'rejected' && <Badge tone="bad">rejected</Badge>}
                  <strong>{nameOf(entry)}</strong>
                  <span class="muted">{whoOf(entry)}</span>
                  <span class="muted">{entry.source}</span>
                </button>
              </li>
            ))}
          </ul>
          {own && <Entry entry={own} />}
        </div>
      )}
    </Page>
  );
}

interface FilterProps {
  filter: { text: string; type: string; source: string; status: string };
}

function Filters({ filter }: FilterProps) {
  const choose = (name: string, label: string, values: readonly string[], value: string) => (
    <Field label={label}>
      {(own) => (
        <select
          {...own}
          value={value}
          onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
        >
          <option value="">all</option>
          {values.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      )}
    </Field>
  );
  const types = ['track', 'identify', 'page', 'screen', 'group', 'alias'];
  return (
    <form class="inline" role="search" onSubmit={(event) => event.preventDefault()}>
      <Field label="Search">
        {(own) => (
          <input
            {...own}
            type="search"
            placeholder="event, user, any text"
            value={filter.text}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
          />
        )}
      </Field>
      {choose('type', 'Type', types, filter.type)}
      {choose('status', 'Status', ['stored', 'rejected'], filter.status)}
      <Field label="Source">
        {(own) => (
          <input
            {...own}
            size={12}
            value={filter.source}
            onInput={(event) => setQuery({ source: event.currentTarget.value })}
          />
        )}
      </Field>
    </form>
  );
}
