/** Name, sources, settings, mappings and consent of a destination: new, or changed. */
import { useState } from 'preact/hooks';
import type {
  DestinationTypeInfo,
  SettingField,
} from '../../../../src/destinations/destination-type-shapes.ts';
import type { WrittenSubscription } from '../../../../src/destinations/segment-actions/segment-shapes.ts';
import type {
  WrittenDestination,
  ListedDestination,
} from '../../../../src/operate/destinations/destination-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { ApiError } from '../../admin-api.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { Field } from '../../parts/field.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { SettingsForm } from './destination-settings-form.tsx';
import { draftOf, fieldOfProblem, linesOf, settingsOf } from './destination-settings-model.ts';
import type { Draft } from './destination-settings-model.ts';
import { SubscriptionsEditor } from './subscriptions-editor.tsx';

/** What the form makes; what it does not know of is left as it is. */
export type WrittenConnection = Pick<
  WrittenDestination,
  'name' | 'sources' | 'consentCategories' | 'settings' | 'start'
>;

interface Props {
  type: DestinationTypeInfo;
  /** Undefined: a new one. */
  destination?: ListedDestination;
  label: string;
  onSubmit(given: WrittenConnection): Promise<unknown>;
}

/** Mappings have an editor of their own. */
const SUBSCRIPTIONS = 'subscriptions';
const DAY_MS = 86_400_000;

export function ConnectionForm({ type, destination, label, onSubmit }: Props) {
  const fields = type.fields.filter(({ key }) => key !== SUBSCRIPTIONS);
  const [given, setGiven] = useState(() => givenOf(type, fields, destination));
  const [unread, setUnread] = useState<Record<string, string>>({});
  const task = useTask();
  const set = (change: Partial<Given>): void => setGiven((before) => ({ ...before, ...change }));
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const { settings, problems } = settingsOf(fields, given.draft);
    // A mapping that cannot be read would be saved as it was before.
    if (form.querySelector('.d-subscriptions [aria-invalid="true"]')) {
      problems[SUBSCRIPTIONS] = 'A field of a mapping cannot be read';
    }
    setUnread(problems);
    if (Object.keys(problems).length === 0) await onSubmit(requestOf(type, given, settings));
  };
  const refused = task.error instanceof ApiError ? fieldOfProblem(task.error.field) : '';
  const problems = { ...unread, ...(task.error && { [refused]: task.error.message }) };
  return (
    <TaskForm task={task} label={label} noValidate onSubmit={submit}>
      <TextField
        label="Name"
        help="For people, and for the integrations object of events."
        required
        maxLength={200}
        value={given.name}
        onChange={(name) => set({ name })}
      />
      <SourceChoice chosen={given.sources} onChange={(sources) => set({ sources })} />
      {given.start !== undefined && (
        <StartChoice value={given.start} onChange={(start) => set({ start })} />
      )}
      <SettingsForm
        oauthService={type.oauthService}
        fields={fields}
        draft={given.draft}
        problems={problems}
        onChange={(draft) => set({ draft })}
      />
      {type.actions && (
        <SubscriptionsEditor
          type={type}
          subscriptions={given.mappings}
          problem={problems[SUBSCRIPTIONS]}
          onChange={(mappings) => set({ mappings })}
        />
      )}
      <Field
        label="Consent categories"
        help="A line each. It gets events only of users who consented to all of them."
      >
        {(own) => (
          <textarea
            {...own}
            rows={2}
            value={given.consent}
            onInput={(event) => set({ consent: event.currentTarget.value })}
          />
        )}
      </Field>
      {Object.keys(unread).length > 0 && (
        <p class="problem" role="alert">
          Some settings are missing or not readable; see above.
        </p>
      )}
    </TaskForm>
  );
}

/** What the form holds. */
interface Given {
  name: string;
  /** Slugs; null: all. */
  sources: string[] | null;
  /** A line each. */
  consent: string;
  /** Undefined: it has begun. */
  start: string | undefined;
  draft: Draft;
  /** Undefined: Segment's presets, or a type that has no mappings. */
  mappings: WrittenSubscription[] | undefined;
}

function givenOf(
  type: DestinationTypeInfo,
  fields: readonly SettingField[],
  own?: ListedDestination,
): Given {
  return {
    name: own?.name ?? type.title,
    sources: own?.sources ?? null,
    consent: (own?.consentCategories ?? []).join('\n'),
    start: own ? undefined : 'now',
    draft: draftOf(fields, own?.settings),
    mappings: own?.settings[SUBSCRIPTIONS] as WrittenSubscription[] | undefined,
  };
}

function requestOf(
  type: DestinationTypeInfo,
  given: Given,
  settings: Record<string, unknown>,
): WrittenConnection {
  const { name, sources, consent, start, mappings } = given;
  const hasMappings = type.actions !== undefined && mappings !== undefined;
  return {
    name,
    sources,
    consentCategories: linesOf(consent),
    settings: { ...settings, ...(hasMappings && { [SUBSCRIPTIONS]: mappings }) },
    ...(start !== undefined && { start }),
  };
}

interface SourceChoiceProps {
  /** Slugs; null: all. */
  chosen: string[] | null;
  onChange(chosen: string[] | null): void;
}

function SourceChoice({ chosen, onChange }: SourceChoiceProps) {
  const { data } = useLoaded<ListedSource[]>('/admin/sources');
  return (
    <fieldset>
      <legend>Sources</legend>
      <label class="d-check">
        <input
          type="checkbox"
          checked={chosen === null}
          onChange={(event) => onChange(event.currentTarget.checked ? null : [])}
        />
        All sources, also later ones
      </label>
      {chosen !== null &&
        data?.map(({ slug, name }) => (
          <label class="d-check" key={slug}>
            <input
              type="checkbox"
              checked={chosen.includes(slug)}
              onChange={(event) =>
                onChange(
                  event.currentTarget.checked
                    ? [...chosen, slug]
                    : chosen.filter((other) => other !== slug),
                )
              }
            />
            {name}
          </label>
        ))}
    </fieldset>
  );
}

const STARTS: readonly (readonly [start: string, text: string])[] = [
  ['now', 'now'],
  ['time', 'at a time'],
  ['beginning', 'with the first event that is kept'],
];

function StartChoice({ value, onChange }: { value: string; onChange(value: string): void }) {
  const isTime = value !== 'now' && value !== 'beginning';
  return (
    <div class="columns">
      <ChoiceField
        label="Begins"
        help="What came before is not sent, and can be replayed later."
        value={isTime ? 'time' : value}
        choices={STARTS}
        onChange={(chosen) => {
          const day = new Date(Date.now() - DAY_MS).toISOString();
          onChange(chosen === 'time' ? `${day.slice(0, 19)}Z` : chosen);
        }}
      />
      {isTime && (
        <TextField
          label="From"
          help="In UTC."
          type="datetime-local"
          step={1}
          value={value.replace('Z', '')}
          onChange={(time) => onChange(`${time}Z`)}
        />
      )}
    </div>
  );
}
