/** A rule: what is watched, for how long, and who is told. */
import { useState } from 'preact/hooks';
import type { WrittenAlertRule } from '../../../../src/operate/alerts/alert-shapes.ts';
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { send } from '../../admin-api.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { FormDialog } from '../../parts/dialog.tsx';
import { Field } from '../../parts/field.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';

/** A rule as it is written, of which there may be nothing yet. */
export type DraftRule = Partial<WrittenAlertRule> & { id?: string };
type WrittenWatch = WrittenAlertRule['watch'];
type WrittenChannel = NonNullable<WrittenAlertRule['channels']>[number];

interface Props {
  /** A rule, a suggestion without an id, or nothing for a new one. */
  rule: DraftRule;
  hasMail: boolean;
  onClose(): void;
  onSaved(): void;
}

/** What each kind begins with; its numbers can be changed. */
const KINDS: { [Kind in WrittenWatch['kind']]: Extract<WrittenWatch, { kind: Kind }> } = {
  'error-rate': { kind: 'error-rate', share: 0.05, minutes: 10 },
  silence: { kind: 'silence', source: '', minutes: 30 },
  volume: { kind: 'volume', source: '', factor: 3 },
  'rate-limited': { kind: 'rate-limited', above: 0, minutes: 10 },
  'unknown-keys': { kind: 'unknown-keys', above: 100, minutes: 10 },
  'dead-letters': { kind: 'dead-letters', above: 0 },
  lag: { kind: 'lag', seconds: 900 },
  disk: { kind: 'disk', freeBytes: 10 * 2 ** 30 },
  canary: { kind: 'canary', minutes: 5 },
};
const KIND_NAMES = Object.keys(KINDS) as WrittenWatch['kind'][];
const OF_SOURCE = new Set(['error-rate', 'silence', 'volume', 'rate-limited']);
const OF_ONE_SOURCE = new Set(['silence', 'volume']);
const OF_DESTINATION = new Set(['dead-letters', 'lag']);

export function RuleForm({ rule, hasMail, onClose, onSaved }: Props) {
  const [name, setName] = useState(rule.name ?? '');
  const [watch, setWatch] = useState<WrittenWatch>(rule.watch ?? KINDS['dead-letters']);
  const [channels, setChannels] = useState<WrittenChannel[]>(rule.channels ?? []);
  const [forMinutes, setForMinutes] = useState(rule.forMinutes ?? 1);
  const [enabled, setEnabled] = useState(rule.enabled ?? true);
  const task = useTask();
  const save = async (): Promise<void> => {
    const { repeatHours = 24 } = rule;
    const body: WrittenAlertRule = { name, watch, channels, forMinutes, repeatHours, enabled };
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

interface WatchProps {
  watch: WrittenWatch;
  onChange(watch: WrittenWatch): void;
}

function WatchFields({ watch, onChange }: WatchProps) {
  const sources = useLoaded<ListedSource[]>('/admin/sources');
  const destinations = useLoaded<ListedDestination[]>('/admin/destinations');
  const choose = (kind: WrittenWatch['kind']): void => {
    const begun = KINDS[kind];
    const source = sources.data?.[0]?.slug ?? '';
    onChange('source' in begun ? { ...begun, source } : begun);
  };
  const values: Readonly<Record<string, unknown>> = watch;
  const numbers = Object.entries(KINDS[watch.kind]).filter((one) => typeof one[1] === 'number');
  const known = OF_SOURCE.has(watch.kind) ? sources.data : destinations.data;
  const slugs = (known ?? []).map(({ slug }) => slug);
  const key = OF_SOURCE.has(watch.kind) ? 'source' : 'destination';
  const isChosen = OF_SOURCE.has(watch.kind) || OF_DESTINATION.has(watch.kind);
  return (
    <>
      <ChoiceField label="Watches" value={watch.kind} choices={KIND_NAMES} onChange={choose} />
      {isChosen && (
        <ChoiceField
          label={key === 'source' ? 'Source' : 'Destination'}
          value={String(values[key] ?? '')}
          choices={OF_ONE_SOURCE.has(watch.kind) ? slugs : [['', 'all'], ...slugs]}
          onChange={(slug) => onChange({ ...watch, [key]: slug || null })}
        />
      )}
      {numbers.map(([name]) => (
        <TextField
          key={name}
          label={name}
          type="number"
          step="any"
          value={String(values[name] ?? '')}
          onChange={(text) => onChange({ ...watch, [name]: Number(text) })}
        />
      ))}
    </>
  );
}

interface ChannelsProps {
  channels: readonly WrittenChannel[];
  hasMail: boolean;
  onChange(channels: WrittenChannel[]): void;
}

function Channels({ channels, hasMail, onChange }: ChannelsProps) {
  const replace = (at: number, next: WrittenChannel | null): void =>
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
