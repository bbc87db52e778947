/** All sources that one may see, and a dialog that makes a new one. */
import { useState } from 'preact/hooks';
import type { SentSource } from '../../../../src/admin/sent-shapes.ts';
import type { SourceMade, ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { may, seesAllSources, send } from '../../admin-api.ts';
import { go, href } from '../../page-router.ts';
import { EnabledBadge } from '../../parts/badge.tsx';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { FormDialog } from '../../parts/dialog.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { Time } from '../../parts/time.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { ENVIRONMENTS } from './environments.ts';
import { freshKeys } from './fresh-keys.ts';

/** All of them, with how they fare. */
export function SourceList() {
  const { data, error } = useLoaded<ListedSource[]>('/admin/sources', 10_000);
  const [isMaking, setMaking] = useState(false);
  const mayMake = may('member') && seesAllSources();
  return (
    <Page
      title="Sources"
      actions={
        mayMake && (
          <button type="button" onClick={() => setMaking(true)}>
            New source
          </button>
        )
      }
    >
      <p class="muted">
        A source is an app or a site that sends events, with write keys of its own.
      </p>
      <Problem error={error} />
      {data?.length === 0 && (
        <Empty>There is no source yet. Make one, and paste its snippet into your app.</Empty>
      )}
      {data && data.length > 0 && (
        <Table
          label="Sources"
          columns={['Name', 'Slug', 'Environment', 'Region', 'State', 'Last event']}
        >
          {data.map((source) => (
            <tr key={source.id}>
              <td>
                <a href={href(`/sources/${source.slug}`)}>{source.name}</a>
              </td>
              <td>{source.slug}</td>
              <td>{source.environment}</td>
              <td>{source.region}</td>
              <td>
                <EnabledBadge isEnabled={source.enabled} />
              </td>
              <td>
                <Time value={source.lastSeenAt} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {isMaking && <NewSource onClose={() => setMaking(false)} />}
    </Page>
  );
}

function NewSource({ onClose }: { onClose(): void }) {
  const [name, setName] = useState('');
  const [environment, setEnvironment] = useState<ListedSource['environment']>('production');
  const task = useTask();
  const make = async (): Promise<void> => {
    const body: SentSource = { name, environment };
    const made = await send<SourceMade>('POST', '/admin/sources', body);
    freshKeys.set(made.slug, made.writeKey);
    go(`/sources/${made.slug}`);
  };
  return (
    <FormDialog
      title="New source"
      label="Create source"
      onSubmit={make}
      task={task}
      onClose={onClose}
    >
      <TextField
        label="Name"
        help="Such as Web shop, or iOS app."
        required
        maxLength={200}
        value={name}
        onChange={setName}
      />
      <ChoiceField
        label="Environment"
        help="A label of its events."
        value={environment}
        choices={ENVIRONMENTS}
        onChange={setEnvironment}
      />
    </FormDialog>
  );
}
