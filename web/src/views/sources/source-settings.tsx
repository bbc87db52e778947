/** Name, environment, and how the collector treats what a source sends. */
import { useState } from 'preact/hooks';
import type { SentSourceChange } from '../../../../src/admin/sent-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { go } from '../../page-router.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useTask } from '../../use-task.ts';
import { ENVIRONMENTS } from './environments.ts';

interface Props {
  source: ListedSource;
  onClose(): void;
  onChange(): void;
}

export function ChangeSource({ source, onClose, onChange }: Props) {
  const { name, environment, responses, ip } = source;
  const [given, setGiven] = useState({ name, environment, responses, ip });
  const task = useTask();
  const set = (change: Partial<typeof given>): void => setGiven({ ...given, ...change });
  const save = async (): Promise<void> => {
    await send('PATCH', `/admin/sources/${source.slug}`, given satisfies SentSourceChange);
    say('Saved');
    onChange();
    onClose();
  };
  return (
    <Dialog title="Settings of this source" onClose={onClose}>
      <TaskForm task={task} label="Save settings" ownFields={['name']} onSubmit={save}>
        <TextField
          label="Name"
          problem={task.problemOf('name')}
          required
          maxLength={200}
          value={given.name}
          onChange={(text) => set({ name: text })}
        />
        <ChoiceField
          label="Environment"
          help="A label of its events."
          value={given.environment}
          choices={ENVIRONMENTS}
          onChange={(chosen) => set({ environment: chosen })}
        />
        <ChoiceField
          label="Wrong events"
          help="strict answers 400 and says why; lenient answers 200, keeps the event among the rejected."
          value={given.responses}
          choices={['strict', 'lenient']}
          onChange={(chosen) => set({ responses: chosen })}
        />
        <ChoiceField
          label="Addresses of senders"
          help="keep, truncate to the network, or drop."
          value={given.ip}
          choices={['keep', 'truncate', 'drop']}
          onChange={(chosen) => set({ ip: chosen })}
        />
      </TaskForm>
      {may('admin') && <DeleteSource source={source} />}
    </Dialog>
  );
}

/** For good, so that the slug is asked for. */
function DeleteSource({ source }: { source: ListedSource }) {
  const [slug, setSlug] = useState('');
  const task = useTask();
  const remove = async (): Promise<void> => {
    await send('DELETE', `/admin/sources/${source.slug}`);
    say(`${source.name} is deleted`);
    go('/sources');
  };
  return (
    <TaskForm
      task={task}
      label="Delete the source"
      isDangerous
      isComplete={slug === source.slug}
      onSubmit={remove}
    >
      <h3>Delete this source</h3>
      <p>
        Its keys are refused from now on, and destinations lose it. Its events stay in SQL, and come
        back to it when a source is made with the same slug.
      </p>
      <TextField
        label={`Type ${source.slug} to delete it`}
        autocomplete="off"
        value={slug}
        onChange={setSlug}
      />
    </TaskForm>
  );
}
