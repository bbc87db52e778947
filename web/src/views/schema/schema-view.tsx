/** What is tracked: events, their properties, what is odd about them, and what people write. */
import type {
  Schema as SchemaAnswer,
  SchemaEvent,
} from '../../../../src/operate/schema/schema-shapes.ts';
import { download } from '../../download.ts';
import { count } from '../../format.ts';
import { href, place, setQuery } from '../../page-router.ts';
import { AddressChoice, AddressForm, AddressText } from '../../parts/address-form.tsx';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { SourceFilter } from '../sources/source-filter.tsx';
import { EventDetail } from './event-detail.tsx';
import { flagCount, hasText, titleOf } from './schema-words.ts';
import './schema-view.css';

const DAYS = [
  ['1', 'day'] as const,
  ...['7', '30', '90'].map((days) => [days, `${days} days`] as const),
];
const DAYS_SHOWN = '7';

/** The view: a list of events, or the one that the address names. */
export function Schema() {
  const { query } = place.value;
  const source = query.get('source') ?? '';
  const days = query.get('days') ?? DAYS_SHOWN;
  const asked = new URLSearchParams({ days, ...(source !== '' && { source }) });
  const { data, error, reload } = useLoaded<SchemaAnswer>(`/admin/schema?${asked}`);
  const key = query.get('event');
  const chosen = data?.events.find((event) => event.key === key && event.source === source);
  if (key !== null && chosen) {
    return <EventDetail event={chosen} from={data?.from ?? ''} onChanged={reload} />;
  }
  return (
    <Page title="Schema" actions={<Exports query={asked} />}>
      <Filters source={source} />
      <Problem error={error} />
      {key !== null && data && (
        <p role="status">
          The event of this address was not seen in this time, and nobody has written about it.
        </p>
      )}
      {data && <Events schema={data} />}
      {!data && !error && <p class="loading">Counting…</p>}
    </Page>
  );
}

function Exports({ query }: { query: URLSearchParams }) {
  const task = useTask();
  const take = (format: string, ending: string): void => {
    const path = `/admin/schema/export?${query}&format=${format}`;
    void task.run(() => download(`events.${ending}`, { method: 'GET', path }));
  };
  return (
    <>
      <Problem error={task.error} />
      <button type="button" class="quiet" onClick={() => take('markdown', 'md')}>
        Export Markdown
      </button>
      <button type="button" class="quiet" onClick={() => take('json', 'json')}>
        Export JSON
      </button>
    </>
  );
}

function Filters({ source }: { source: string }) {
  return (
    <AddressForm>
      <AddressText name="q" label="Search" hint="event, property or note" />
      <SourceFilter chosen={source} onChange={(slug) => setQuery({ source: slug, event: null })} />
      <AddressChoice name="days" label="Seen in the last" standard={DAYS_SHOWN} choices={DAYS} />
      <label class="schema-only">
        <input
          type="checkbox"
          checked={place.value.query.get('flagged') === '1'}
          onChange={(event) => setQuery({ flagged: event.currentTarget.checked ? '1' : null })}
        />{' '}
        Only what looks inconsistent
      </label>
    </AddressForm>
  );
}

function Events({ schema }: { schema: SchemaAnswer }) {
  const { query } = place.value;
  const shown = schema.events
    .filter((event) => hasText(event, query.get('q') ?? ''))
    .filter((event) => query.get('flagged') !== '1' || flagCount(event) > 0);
  if (schema.events.length === 0) {
    return (
      <Empty>
        No event came in this time. <a href={href('/sources')}>Connect an app</a>, or look further
        back.
      </Empty>
    );
  }
  if (shown.length === 0)
    return <Empty>Nothing fits. Search for less, or for something else.</Empty>;
  return (
    <>
      {schema.isTruncated && (
        <p role="status">
          There are more events than can be listed. Choose a source, or fewer days.
        </p>
      )}
      <Table
        label="Events"
        columns={[
          'Event',
          'Type',
          'Source',
          { number: 'Seen' },
          { number: 'Properties' },
          'Last',
          '',
        ]}
      >
        {shown.map((event) => (
          <tr key={`${event.source} ${event.key}`}>
            <td class="schema-name">
              <a href={addressOf(event)}>{titleOf(event)}</a>
              {event.note !== null && <div class="muted">{event.note.split('\n')[0]}</div>}
            </td>
            <td>{event.type}</td>
            <td>{event.source}</td>
            <td class="number">{count(event.count)}</td>
            <td class="number">{event.properties.length}</td>
            <td>
              <Time value={event.lastSeenAt} />
            </td>
            <td>
              {flagCount(event) > 0 && <Badge tone="warn">{flagCount(event)} to look at</Badge>}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function addressOf({ source, key }: SchemaEvent): string {
  const query = new URLSearchParams(place.value.query);
  query.set('source', source);
  query.set('event', key);
  return href(`/schema?${query}`);
}
