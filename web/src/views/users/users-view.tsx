/** One person, looked up by what is known of them. */
import { useEffect, useState } from 'preact/hooks';
import type {
  PeopleFound,
  Person,
  PersonKind,
  PersonMatch,
} from '../../../../src/operate/people/person-shapes.ts';
import { count } from '../../format.ts';
import { href, place, setQuery } from '../../page-router.ts';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { Time } from '../../parts/time.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { PersonDetail } from './person-detail.tsx';
import './users-view.css';

/** The view: a search, whom it found, and the one who is chosen. */
export function Users() {
  const { query } = place.value;
  const text = query.get('q') ?? '';
  const found = useLoaded<PeopleFound>(
    text === '' ? null : `/admin/people?${new URLSearchParams({ query: text })}`,
  );
  const id = query.get('id');
  const kind = query.get('kind') === 'anonymous' ? 'anonymous' : 'user';
  const named = useLoaded<Person>(id === null ? null : profilePath(kind, id));
  const person = id === null ? found.data?.person : named.data;
  const matches = found.data?.matches ?? [];
  const isWaiting = (text !== '' && !found.data) || (id !== null && !named.data);
  const error = found.error ?? named.error;
  return (
    <Page title="Users">
      <Search text={text} />
      <Problem error={error} />
      {text === '' && id === null && (
        <Empty>
          Look somebody up to see which ids are theirs, what is known of them and what they did.
        </Empty>
      )}
      {isWaiting && !error && <p class="loading">Looking…</p>}
      {found.data && matches.length === 0 && (
        <Empty>
          Nobody has this id or email. Ids are compared letter by letter; an email is found when an
          identify call sent it as the trait <code>email</code>.
        </Empty>
      )}
      {matches.length > 1 && <Matches matches={matches} chosen={person?.id} />}
      {person && <PersonDetail key={`${person.kind} ${person.id}`} person={person} />}
    </Page>
  );
}

function profilePath(kind: PersonKind, id: string): string {
  return `/admin/people/profile?${new URLSearchParams({ kind, id })}`;
}

function Search({ text }: { text: string }) {
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const search = (event: Event): void => {
    event.preventDefault();
    setQuery({ q: draft.trim(), kind: null, id: null });
  };
  return (
    <form class="inline" role="search" onSubmit={search}>
      <TextField
        label="User id, anonymous id or email"
        type="search"
        size={36}
        required
        value={draft}
        onChange={setDraft}
      />
      <button type="submit">Look up</button>
    </form>
  );
}

function Matches({
  matches,
  chosen,
}: {
  matches: readonly PersonMatch[];
  chosen: string | undefined;
}) {
  return (
    <Table label="Matches" columns={['Who', 'Found by', { number: 'Events' }, 'Last']}>
      {matches.map(({ kind, id, by, events, lastSeenAt }) => (
        <tr key={`${kind} ${id} ${by}`}>
          <td class="person-id">
            <a href={personAddress(kind, id)} aria-current={id === chosen ? 'true' : undefined}>
              {id}
            </a>
          </td>
          <td>{by === 'email' ? 'email' : kind === 'user' ? 'user id' : 'anonymous id'}</td>
          <td class="number">{count(events)}</td>
          <td>
            <Time value={lastSeenAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The address of one person, with the search that found them. */
function personAddress(kind: PersonKind, id: string): string {
  const query = new URLSearchParams(place.value.query);
  query.set('kind', kind);
  query.set('id', id);
  return href(`/users?${query}`);
}
