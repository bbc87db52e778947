/** One event: its properties with types and values, what is odd, and its documentation. */
import { useState } from 'preact/hooks';
import type { SentNote } from '../../../../src/admin/sent-shapes.ts';
import type {
  Flag,
  SchemaEvent,
  SchemaProperty,
} from '../../../../src/operate/schema/schema-shapes.ts';
import { mayWrite, send } from '../../admin-api.ts';
import { count } from '../../format.ts';
import { href, place } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Empty, Page, Section } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toast.tsx';
import { useTask } from '../../use-task.ts';
import { ADVICE, titleOf } from './schema-words.ts';

interface Props {
  event: SchemaEvent;
  /** From when on events were counted. */
  from: string;
  onChanged(): void;
}

/** The page of one event. */
export function EventDetail({ event, from, onChanged }: Props) {
  const { source, key, type, properties } = event;
  return (
    <Page title={titleOf(event)} actions={<a href={listAddress()}>All events</a>}>
      <Facts
        facts={[
          ['Type', type],
          ['Source', <a href={href(`/sources/${encodeURIComponent(source)}`)}>{source}</a>],
          [
            'Seen',
            <>
              {event.count === 0 ? 'not' : count(event.count)} since <Time value={from} />
            </>,
          ],
          ['Last', <Time value={event.lastSeenAt} />],
        ]}
      />
      <Flags flags={event.flags} />
      <Section title="What it is">
        <Note source={source} event={key} property="" text={event.note} onChanged={onChanged} />
      </Section>
      <Section title={type === 'identify' || type === 'group' ? 'Traits' : 'Properties'}>
        {event.isSampled && (
          <p class="muted">Counted in a part of the events; these numbers are estimates.</p>
        )}
        {properties.length === 0 && <Empty>It came without any.</Empty>}
        {properties.length > 0 && (
          <Table
            label="Properties"
            columns={['Name', 'Types', { number: 'Seen' }, 'Values', 'Last', 'What it is']}
          >
            {properties.map((property) => (
              <PropertyRow
                key={property.name}
                property={property}
                event={event}
                onChanged={onChanged}
              />
            ))}
          </Table>
        )}
      </Section>
    </Page>
  );
}

function listAddress(): string {
  const query = new URLSearchParams(place.value.query);
  query.delete('event');
  return href(`/schema?${query}`);
}

interface RowProps {
  property: SchemaProperty;
  event: SchemaEvent;
  onChanged(): void;
}

function PropertyRow({ property, event, onChanged }: RowProps) {
  const { name, types, note, examples } = property;
  return (
    <tr>
      <th scope="row" class="schema-name">
        {name}
        <Flags flags={property.flags} />
      </th>
      <td>{types.map(({ type }) => type).join(', ')}</td>
      <td class="number">{count(property.count)}</td>
      <td class="schema-values">
        {examples.map((example) => (
          <code key={example}>{example}</code>
        ))}
      </td>
      <td>
        <Time value={property.lastSeenAt} />
      </td>
      <td class="schema-note">
        <Note
          source={event.source}
          event={event.key}
          property={name}
          text={note}
          onChanged={onChanged}
        />
      </td>
    </tr>
  );
}

function Flags({ flags }: { flags: readonly Flag[] }) {
  if (flags.length === 0) return null;
  return (
    <ul class="schema-flags">
      {flags.map(({ kind, message }) => (
        <li key={kind}>
          <Badge tone="warn">look</Badge> {message}. <span class="muted">{ADVICE[kind]}</span>
        </li>
      ))}
    </ul>
  );
}

interface NoteProps {
  source: string;
  event: string;
  property: string;
  text: string | null;
  onChanged(): void;
}

/** Text that those who may change the source can write. */
function Note({ source, event, property, text, onChanged }: NoteProps) {
  const [draft, setDraft] = useState<string>();
  const task = useTask();
  const about = property === '' ? 'the event' : property;
  if (draft === undefined) {
    return (
      <div class="schema-written">
        {text !== null && <p>{text}</p>}
        {mayWrite(source) ? (
          <button
            type="button"
            class="quiet"
            aria-label={`${text === null ? 'Describe' : 'Change the description of'} ${about}`}
            onClick={() => setDraft(text ?? '')}
          >
            {text === null ? 'Describe' : 'Change'}
          </button>
        ) : (
          text === null && <p class="muted">Nobody has written about it.</p>
        )}
      </div>
    );
  }
  const save = async (): Promise<void> => {
    const body: SentNote = { source, event, property, text: draft };
    await send('PUT', '/admin/schema/notes', body);
    setDraft(undefined);
    say('Saved');
    onChanged();
  };
  return (
    <TaskForm
      task={task}
      label="Save description"
      onSubmit={save}
      actions={
        <button type="button" class="quiet" onClick={() => setDraft(undefined)}>
          Cancel
        </button>
      }
    >
      <textarea
        aria-label={`Description of ${about}`}
        rows={3}
        maxLength={10_000}
        value={draft}
        onInput={(input) => setDraft(input.currentTarget.value)}
      />
    </TaskForm>
  );
}
