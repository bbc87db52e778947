/** Name, sources, settings, mappings and consent of a destination: new, or changed. */
import { useState } from 'preact/hooks';
import { ApiError } from '../../admin-api.ts';
import type { Task } from '../../use-task.ts';
import { useLoaded } from '../../use-loaded.ts';
import { Field } from '../../parts/field.tsx';
import { Problem } from '../../parts/problem.tsx';
import { SettingsForm } from './destination-settings-form.tsx';
import { draftOf, fieldOfProblem, linesOf, settingsOf } from './destination-settings-model.ts';
import type { Destination, Json, Subscription, TypeDetail } from './destination-shapes.ts';
import { SubscriptionsEditor } from './subscriptions-editor.tsx';

interface Props {
  type: TypeDetail;
  /** Undefined: a new one. */
  destination?: Destination;
  task: Task;
  label: string;
  onSubmit(given: Json): void;
}

/** Mappings have an editor of their own. */
const SUBSCRIPTIONS = 'subscriptions';

export function ConnectionForm({ type, destination, task, label, onSubmit }: Props) {
  const fields = type.fields.filter(({ key }) => key !== SUBSCRIPTIONS);
  const [name, setName] = useState(destination?.name ?? type.title);
  const [sources, setSources] = useState(destination?.sources ?? null);
  const [consent, setConsent] = useState((destination?.consentCategories ?? []).join('\n'));
  const [start, setStart] = useState('now');
  const [draft, setDraft] = useState(() => draftOf(fields, destination?.settings));
  const [mappings, setMappings] = useState(
    destination?.settings[SUBSCRIPTIONS] as Subscription[] | undefined,
  );
  const [problems, setProblems] = useState<Record<string, string>>({});
  const refused = task.error instanceof ApiError ? fieldOfProblem(task.error.field) : '';
  const known = [...fields.map(({ key }) => key), SUBSCRIPTIONS];
  const submit = (event: Event & { currentTarget: HTMLFormElement }): void => {
    event.preventDefault();
    const read = settingsOf(fields, draft);
    // A mapping that cannot be read would be saved as it was before.
    const unread = event.currentTarget.querySelector('.d-subscriptions [aria-invalid="true"]');
    if (unread) read.problems[SUBSCRIPTIONS] = 'A field of a mapping cannot be read';
    setProblems(read.problems);
    if (Object.keys(read.problems).length > 0) return;
    onSubmit({
      name,
      sources,
      consentCategories: linesOf(consent),
      settings: {
        ...read.settings,
        ...(type.actions && mappings !== undefined && { [SUBSCRIPTIONS]: mappings }),
      },
      ...(!destination && { start }),
    });
  };
  return (
    <form class="fields" onSubmit={submit} noValidate>
      <Field label="Name" help="For people, and for the integrations object of events.">
        {(own) => (
          <input
            {...own}
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        )}
      </Field>
      <SourceChoice chosen={sources} onChange={setSources} />
      {!destination && <StartChoice value={start} onChange={setStart} />}
      <SettingsForm
        fields={fields}
        draft={draft}
        problems={{
          ...problems,
          ...(known.includes(refused) && task.error && { [refused]: task.error.message }),
        }}
        onChange={setDraft}
      />
      {type.actions && (
        <SubscriptionsEditor
          type={type}
          subscriptions={mappings}
          problem={
            problems[SUBSCRIPTIONS] ?? (refused === SUBSCRIPTIONS ? task.error?.message : undefined)
          }
          onChange={setMappings}
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
            value={consent}
            onInput={(event) => setConsent(event.currentTarget.value)}
          />
        )}
      </Field>
      {Object.keys(problems).length > 0 && (
        <p class="problem" role="alert">
          Some settings are missing or not readable; see above.
        </p>
      )}
      <Problem error={task.error} />
      <div>
        <button type="submit" disabled={task.isRunning}>
          {label}
        </button>
      </div>
    </form>
  );
}

interface SourceChoiceProps {
  /** Slugs; null: all. */
  chosen: string[] | null;
  onChange(chosen: string[] | null): void;
}

function SourceChoice({ chosen, onChange }: SourceChoiceProps) {
  const { data } = useLoaded<{ slug: string; name: string }[]>('/admin/sources');
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

function StartChoice({ value, onChange }: { value: string; onChange(value: string): void }) {
  const isTime = value !== 'now' && value !== 'beginning';
  return (
    <div class="columns">
      <Field label="Begins" help="What came before is not sent, and can be replayed later.">
        {(own) => (
          <select
            {...own}
            value={isTime ? 'time' : value}
            onChange={(event) => {
              const chosen = event.currentTarget.value;
              const day = new Date(Date.now() - 86_400_000).toISOString();
              onChange(chosen === 'time' ? `${day.slice(0, 19)}Z` : chosen);
            }}
          >
            <option value="now">now</option>
            <option value="time">at a time</option>
            <option value="beginning">with the first event that is kept</option>
          </select>
        )}
      </Field>
      {isTime && (
        <Field label="From" help="In UTC.">
          {(own) => (
            <input
              {...own}
              type="datetime-local"
              step={1}
              value={value.replace('Z', '')}
              onInput={(event) => onChange(`${event.currentTarget.value}Z`)}
            />
          )}
        </Field>
      )}
    </div>
  );
}
