/** Queries that people keep: opened, saved, saved again, deleted. */
import { useState } from 'preact/hooks';
import type { SentQuery, SentQueryChange } from '../../../../src/admin/sent-shapes.ts';
import type { SavedQueryView } from '../../../../src/operate/sql/sql-shapes.ts';
import { send } from '../../admin-api.ts';
import { setQuery } from '../../page-router.ts';
import { FormDialog } from '../../parts/dialog.tsx';
import { Problem } from '../../parts/problem.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useChange } from '../../use-change.ts';
import { useTask } from '../../use-task.ts';

interface Props {
  queries: readonly SavedQueryView[];
  /** The one that is open. */
  current: SavedQueryView | undefined;
  /** What is in the editor. */
  text: string;
  mayChange: boolean;
  onOpen(query: SavedQueryView): void;
  onChanged(): void;
}

const PATH = '/admin/saved-queries';

export function SavedQueries({ queries, current, text, mayChange, onOpen, onChanged }: Props) {
  const [isNaming, setNaming] = useState(false);
  return (
    <aside class="card" aria-label="Saved queries">
      <div class="card-head">
        <h2>Saved queries</h2>
        {mayChange && (
          <button type="button" disabled={text.trim() === ''} onClick={() => setNaming(true)}>
            Save as…
          </button>
        )}
      </div>
      {queries.length === 0 && (
        <p class="muted">None yet. A query that is saved is there for everybody here.</p>
      )}
      <ul class="saved">
        {queries.map((query) => (
          <li key={query.id}>
            <button
              type="button"
              class="quiet"
              aria-pressed={query.id === current?.id}
              title={`by ${query.createdBy}`}
              onClick={() => onOpen(query)}
            >
              {query.name}
            </button>
          </li>
        ))}
      </ul>
      {current && mayChange && (
        <CurrentQuery key={current.id} query={current} text={text} onChanged={onChanged} />
      )}
      {isNaming && (
        <SaveAs
          sql={text}
          onClose={() => setNaming(false)}
          onSaved={(query) => {
            setQuery({ saved: query.id });
            onChanged();
            say('Saved');
          }}
        />
      )}
    </aside>
  );
}

interface CurrentProps {
  query: SavedQueryView;
  text: string;
  onChanged(): void;
}

function CurrentQuery({ query, text, onChanged }: CurrentProps) {
  const change = useChange(onChanged);
  const path = `${PATH}/${query.id}`;
  const save = (): void => {
    const body: SentQueryChange = { sql: text };
    change.make(() => send('PATCH', path, body), { done: 'Saved' });
  };
  const remove = (): void => {
    const ask = `Delete the query “${query.name}”?`;
    const work = () => send('DELETE', path).then(() => setQuery({ saved: null }));
    change.make(work, { ask, done: 'Deleted' });
  };
  return (
    <>
      <Problem error={change.error} />
      <div class="actions">
        <button
          type="button"
          class="quiet"
          disabled={change.isRunning || text === query.sql || text.trim() === ''}
          onClick={save}
        >
          Save changes
        </button>
        <button type="button" class="danger" disabled={change.isRunning} onClick={remove}>
          Delete
        </button>
      </div>
    </>
  );
}

interface SaveAsProps {
  sql: string;
  onClose(): void;
  onSaved(query: SavedQueryView): void;
}

function SaveAs({ sql, onClose, onSaved }: SaveAsProps) {
  const [name, setName] = useState('');
  const task = useTask();
  const save = async (): Promise<void> => {
    onSaved(await send<SavedQueryView>('POST', PATH, { name, sql } satisfies SentQuery));
  };
  return (
    <FormDialog title="Save query" label="Save" onSubmit={save} task={task} onClose={onClose}>
      <TextField
        label="Name"
        help="Such as Orders by week."
        required
        maxLength={200}
        value={name}
        onChange={setName}
      />
    </FormDialog>
  );
}
