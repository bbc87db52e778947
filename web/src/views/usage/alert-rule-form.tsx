/** A rule: what is watched, for how long, and who is told. */
import { useState } from 'preact/hooks';
import { send } from '../../admin-api.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { FormDialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import type { Channel, Rule, Watch } from './usage-shapes.ts';

interface Props {
  /** A rule, a suggestion without an id, or nothing for a new one. */
  rule: Partial<Rule>;
  hasMail: boolean;
  onClose(): void;
  onSaved(): void;
}

/** What each kind needs, and what it begins with. */
const KINDS: Record<string, Record<string, number>> = {
  'error-rate': { share: 0.05, minutes: 10 },
  silence: { minutes: 30 },
  volume: { factor: 3 },
  'rate-limited': { above: 0, minutes: 10 },
  'unknown-keys': { above: 100, minutes: 10 },
  'dead-letters': { above: 0 },
  lag: { seconds: 900 },
  disk: { freeBytes: 10 * 2 ** 30 },
  canary: { minutes: 5 },
};
const OF_SOURCE = new Set(['error-rate', 'silence', 'volume', 'rate-limited']);
const OF_ONE_SOURCE = new Set(['silence', 'volume']);
const OF_DESTINATION = new Set(['dead-letters', 'lag']);

export function RuleForm({ rule, hasMail, onClose, onSaved }: Props) {
  const [name, setName] = useState(rule.name ?? '');
  const [watch, setWatch] = useState<Watch>(rule.watch ?? { kind: 'dead-letters', above: 0 });
  const [channels, setChannels] = useState<Channel[]>(rule.channels ?? []);
  const [forMinutes, setForMinutes] = useState(rule.forMinutes ?? 1);
  const [enabled, setEnabled] = useState(rule.enabled ?? true);
  const task = useTask();
  const save = async (): Promise<void> => {
    const { repeatHours = 24 } = rule;
    const body = { name, watch, channels, forMinutes, repeatHours, enabled };
    if (rule.id === undefined) await send('POST', '/admin/alerts', body);
    else await send('PUT', `/admin/alerts/${rule.id}`, body);
    say('Saved');
    onSaved();
  };
  return (
    <FormDialog
      title={rule.id === undefined ? 'New rule' : `Change ${rule.name}`}
      label="Save the rule"
      onSubmit={save}
      task={task}
      onClose={onClose}
    >
      <TextField label="Name" required maxLength={200} value={name} onChange={setName} />
      <WatchFields watch={watch} onChange={setWatch} />
      <TextField
        label="For minutes"
        help="So long it has to be so before somebody is told."
        type="number"
        min={0}
        value={String(forMinutes)}
        onChange={(text) => setForMinutes(Number(text))}
      />
      <Channels channels={channels} hasMail={hasMail} onChange={setChannels} />
      <label>
        <input
          type="checkbox"
          checked={enabled}
          onChange={(event) => setEnabled(event.currentTarget.checked)}
        />{' '}
        On
      </label>
    </FormDialog>
  );
}

function WatchFields({ watch, onChange }: { watch: Watch; onChange(watch: Watch): void }) {
  const sources = useLoaded<{ slug: string }[]>('/admin/sources');
  const destinations = useLoaded<{ slug: string }[]>('/admin/destinations');
  const choose = (kind: string): void => {
    const own: Watch = { kind, ...KINDS[kind] };
    if (OF_ONE_SOURCE.has(kind)) own['source'] = sources.data?.[0]?.slug ?? '';
    onChange(own);
  };
  const known = OF_SOURCE.has(watch.kind) ? sources.data : destinations.data;
  const slugs = (known ?? []).map(({ slug }) => slug);
  const key = OF_SOURCE.has(watch.kind) ? 'source' : 'destination';
  const isChosen = OF_SOURCE.has(watch.kind) || OF_DESTINATION.has(watch.kind);
  return (
    <>
      <ChoiceField
        label="Watches"
        value={watch.kind}
        choices={Object.keys(KINDS)}
        onChange={choose}
      />
      {isChosen && (
        <ChoiceField
          label={key === 'source' ? 'Source' : 'Destination'}
          value={String(watch[key] ?? '')}
          choices={OF_ONE_SOURCE.has(watch.kind) ? slugs : [['', 'all'], ...slugs]}
          onChange={(slug) => onChange({ ...watch, [key]: slug || null })}
        />
      )}
      {Object.keys(KINDS[watch.kind] ?? {}).map((name) => (
        <TextField
          key={name}
          label={name}
          type="number"
          step="any"
          value={String(watch[name] ?? '')}
          onChange={(text) => onChange({ ...watch, [name]: Number(text) })}
        />
      ))}
    </>
  );
}

interface ChannelsProps {
  channels: readonly Channel[];
  hasMail: boolean;
  onChange(channels: Channel[]): void;
}

function Channels({ channels, hasMail, onChange }: ChannelsProps) {
  const replace = (at: number, next: Channel | null): void =>
    onChange(channels.flatMap((own, index) => (index === at ? (next ?? []) : own)));
  const add = (type: string): void => {
    if (type === 'webhook') onChange([...channels, { type, url: '', secret: null }]);
    if (type === 'slack') onChange([...channels, { type, url: '' }]);
    if (type === 'email') onChange([...channels, { type, to: '' }]);
  };
  return (
    <>
      {channels.map((channel, at) => (
        <Field
          key={at}
          label={channel.type === 'email' ? 'Email to' : `URL of ${channel.type}`}
          help={channel.type === 'webhook' ? 'It gets JSON.' : undefined}
        >
          {(own) => (
            <span class="actions">
              <input
                {...own}
                required
                value={channel.type === 'email' ? channel.to : channel.url}
                onInput={(event) => {
                  const text = event.currentTarget.value;
                  const next =
                    channel.type === 'email' ? { ...channel, to: text } : { ...channel, url: text };
                  replace(at, next);
                }}
              />
              <button type="button" class="quiet" onClick={() => replace(at, null)}>
                Remove
              </button>
            </span>
          )}
        </Field>
      ))}
      <Field
        label="Tell also by"
        help={hasMail ? undefined : 'Email needs alerts.smtp in the configuration.'}
      >
        {(own) => (
          <select
            {...own}
            value=""
            onChange={(event) => {
              add(event.currentTarget.value);
              event.currentTarget.value = '';
            }}
          >
            <option value="">choose</option>
            <option value="webhook">webhook</option>
            <option value="slack">Slack</option>
            {hasMail && <option value="email">email</option>}
          </select>
        )}
      </Field>
    </>
  );
}
