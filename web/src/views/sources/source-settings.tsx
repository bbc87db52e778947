/** Name, environment, and how the collector treats what a source sends. */
import { useState } from 'preact/hooks';
import { ApiError, may, send } from '../../admin-api.ts';
import { useTask } from '../../use-loaded.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { Problem } from '../../parts/problem.tsx';
import { say } from '../../parts/toast.tsx';
import { go } from '../../page-router.ts';
import type { Source } from './source-shapes.ts';

interface Props {
  source: Source;
  onClose(): void;
  onChange(): void;
}

export function ChangeSource({ source, onClose, onChange }: Props) {
  const { name, environment, responses, ip } = source;
  const [given, setGiven] = useState({ name, environment, responses, ip });
  const task = useTask();
  const wrong = task.error instanceof ApiError ? task.error.field : undefined;
  const save = (event: Event): void => {
    event.preventDefault();
    void task.run(async () => {
      await send('PATCH', `/admin/sources/${source.slug}`, given);
      say('Saved');
      onChange();
    });
  };
  const choose = <Key extends 'environment' | 'responses' | 'ip'>(
    key: Key,
    label: string,
    help: string,
    values: readonly Source[Key][],
  ) => (
    <Field label={label} help={help}>
      {(own) => (
        <select
          {...own}
          value={given[key]}
          onChange={({ currentTarget }) =>
            setGiven({ ...given, [key]: currentTarget.value as Source[Key] })
          }
        >
          {values.map((value) => (
            <option key={value}>{value}</option>
          ))}
        </select>
      )}
    </Field>
  );
  return (
    <Dialog title="Settings of this source" onClose={onClose}>
      <form class="fields" onSubmit={save}>
        {wrong !== 'name' && <Problem error={task.error} />}
        <Field label="Name" problem={wrong === 'name' ? task.error?.message : undefined}>
          {(own) => (
            <input
              {...own}
              required
              maxLength={200}
              value={given.name}
              onInput={(event) => setGiven({ ...given, name: event.currentTarget.value })}
            />
          )}
        </Field>
        {choose('environment', 'Environment', 'A label of its events.', [
          'production',
          'staging',
          'development',
        ])}
        {choose(
          'responses',
          'Wrong events',
          'strict answers 400 and says why; lenient answers 200, keeps the event among the rejected.',
          ['strict', 'lenient'],
        )}
        {choose('ip', 'Addresses of senders', 'keep, truncate to the network, or drop.', [
          'keep',
          'truncate',
          'drop',
        ])}
        <button type="submit" disabled={task.isRunning}>
          Save settings
        </button>
      </form>
      {may('admin') && <DeleteSource source={source} />}
    </Dialog>
  );
}

/** For good, so that the slug is asked for. */
function DeleteSource({ source }: { source: Source }) {
  const [slug, setSlug] = useState('');
  const task = useTask();
  const remove = (event: Event): void => {
    event.preventDefault();
    void task.run(async () => {
      await send('DELETE', `/admin/sources/${source.slug}`);
      say(`${source.name} is deleted`);
      go('/sources');
    });
  };
  return (
    <form class="fields" onSubmit={remove}>
      <h3>Delete this source</h3>
      <Problem error={task.error} />
      <p>
        Its keys are refused from now on, and destinations lose it. Its events stay in SQL, and come
        back to it when a source is made with the same slug.
      </p>
      <Field label={`Type ${source.slug} to delete it`}>
        {(own) => (
          <input
            {...own}
            value={slug}
            autocomplete="off"
            onInput={(event) => setSlug(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" class="danger" disabled={task.isRunning || slug !== source.slug}>
        Delete the source
      </button>
    </form>
  );
}
