/** Filters of a destination, with what they would do to real recent events. */
import { useState } from 'preact/hooks';
import type { SentFilterPreview } from '../../../../src/admin/sent-shapes.ts';
import type {
  WrittenFilter,
  WrittenFilterAction,
} from '../../../../src/deliver/routing/filter-shapes.ts';
import type {
  FilterPreview,
  WrittenDestinationChange,
  FilterVerdict,
  ListedDestination,
} from '../../../../src/operate/destinations/destination-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { say } from '../../parts/toast.tsx';
import { useChange } from '../../use-change.ts';
import type { ChangeWords } from '../../use-change.ts';
import { useTask } from '../../use-task.ts';
import { tracePath } from '../../view-paths.ts';

interface Props {
  destination: ListedDestination;
  onChange(): void;
}

/** Of what the server knows, those that a form can say; others are kept as they are. */
type Kind = 'drop' | 'sample' | 'drop_properties' | 'allow_properties';

interface Draft {
  condition: string;
  kind: Kind;
  percent: string;
  /** Where in an event is what its share is drawn by. */
  path: string;
  properties: string;
}

const NEW: Draft = {
  condition: 'event = "Order Completed"',
  kind: 'drop',
  percent: '10',
  path: 'userId',
  properties: '',
};
const KINDS: readonly (readonly [kind: Kind, text: string])[] = [
  ['drop', 'drop the event'],
  ['sample', 'keep only a share'],
  ['drop_properties', 'remove properties'],
  ['allow_properties', 'keep only these properties'],
];

const SHARES: readonly (readonly [path: string, text: string])[] = [
  ['userId', 'of the users, each with all of their events'],
  ['anonymousId', 'of the anonymous ids, each with all of its events'],
  ['messageId', 'of the events, whoever they are of'],
];

function actionOf({ kind, percent, path, properties }: Draft): WrittenFilterAction {
  if (kind === 'drop') return { type: 'drop' };
  if (kind === 'sample') return { type: 'sample', percent: Number(percent) / 100, path };
  const names = properties.split(',').map((name) => name.trim());
  return { type: kind, fields: { properties: names.filter((name) => name !== '') } };
}

export function FiltersTab({ destination, onChange }: Props) {
  const [filters, setFilters] = useState<readonly WrittenFilter[]>(destination.filters);
  const [results, setResults] = useState<FilterVerdict[]>();
  const preview = async (wanted: readonly WrittenFilter[]): Promise<void> => {
    const path = '/admin/filters/preview';
    const body: SentFilterPreview = { filters: wanted };
    const answer = await send<FilterPreview>('POST', path, body);
    setResults(answer.results);
  };
  const save = async (wanted: readonly WrittenFilter[]): Promise<void> => {
    const body: WrittenDestinationChange = { filters: wanted };
    await send('PATCH', `/admin/destinations/${destination.slug}`, body);
    setFilters(wanted);
    say('Saved');
    onChange();
  };
  return (
    <>
      <FilterList filters={filters} onSave={save} onPreview={preview} />
      {may('member') && <NewFilter filters={filters} onSave={save} onPreview={preview} />}
      {results && <Results results={results} />}
    </>
  );
}

interface FiltersProps {
  filters: readonly WrittenFilter[];
  onSave(wanted: readonly WrittenFilter[]): Promise<void>;
  onPreview(wanted: readonly WrittenFilter[]): Promise<void>;
}

function FilterList({ filters, onSave, onPreview }: FiltersProps) {
  const change = useChange(() => undefined);
  const save = (wanted: readonly WrittenFilter[], words?: ChangeWords): void =>
    change.make(() => onSave(wanted), words);
  const remove = (at: number): void => {
    const ask = `Remove the filter “${nameOf(filters[at])}”? What it kept back is sent from then on.`;
    save(
      filters.filter((_, other) => other !== at),
      { ask },
    );
  };
  return (
    <Section title="Filters">
      <Problem error={change.error} />
      {filters.length === 0 && <Empty>No filter: everything that is routed here is sent.</Empty>}
      {filters.length > 0 && (
        <>
          <Table label="Filters" columns={['If', 'Then', '']}>
            {filters.map((filter, at) => (
              <FilterRow
                key={at}
                filter={filter}
                onSwitch={() => save(withSwitched(filters, at))}
                onRemove={() => remove(at)}
              />
            ))}
          </Table>
          <button
            type="button"
            class="quiet"
            onClick={() => void change.run(() => onPreview(filters))}
          >
            What they do to recent events
          </button>
        </>
      )}
    </Section>
  );
}

/** Its title, or else its condition. */
function nameOf(filter: WrittenFilter | undefined): string {
  return filter?.title ?? filter?.if ?? '';
}

interface FilterRowProps {
  filter: WrittenFilter;
  onSwitch(): void;
  onRemove(): void;
}

function FilterRow({ filter, onSwitch, onRemove }: FilterRowProps) {
  const isOff = filter.enabled === false;
  return (
    <tr>
      <td>
        <code>{filter.if}</code> {isOff && <Badge>off</Badge>}
      </td>
      <td>
        <code>{JSON.stringify(filter.actions)}</code>
      </td>
      <td>
        {may('member') && (
          <span class="actions">
            <RowButton
              text={isOff ? 'Switch on' : 'Switch off'}
              of={nameOf(filter)}
              onClick={onSwitch}
            />
            <RowButton text="Remove" of={nameOf(filter)} isDangerous onClick={onRemove} />
          </span>
        )}
      </td>
    </tr>
  );
}

function NewFilter({ filters, onSave, onPreview }: FiltersProps) {
  const [draft, setDraft] = useState<Draft>(NEW);
  const task = useTask();
  const wanted = [...filters, { if: draft.condition, actions: [actionOf(draft)] }];
  return (
    <Section title="Add a filter">
      <TaskForm
        task={task}
        label="Add the filter"
        onSubmit={() => onSave(wanted)}
        actions={
          <button
            type="button"
            class="quiet"
            onClick={() => void task.run(() => onPreview(wanted))}
          >
            Preview on recent events
          </button>
        }
      >
        <DraftFields draft={draft} onChange={setDraft} />
      </TaskForm>
    </Section>
  );
}

function withSwitched(filters: readonly WrittenFilter[], at: number): WrittenFilter[] {
  return filters.map((own, index) =>
    index === at ? { ...own, enabled: own.enabled === false } : own,
  );
}

function DraftFields({ draft, onChange }: { draft: Draft; onChange(draft: Draft): void }) {
  const set = (change: Partial<Draft>): void => onChange({ ...draft, ...change });
  return (
    <>
      <TextField
        label="If (FQL)"
        help={'Such as type = "track" and properties.total > 100.'}
        class="d-code"
        spellcheck={false}
        value={draft.condition}
        onChange={(condition) => set({ condition })}
      />
      <ChoiceField
        label="Then"
        value={draft.kind}
        choices={KINDS}
        onChange={(kind) => set({ kind })}
      />
      {draft.kind === 'sample' && (
        <>
          <ChoiceField
            label="A share"
            help={
              draft.path !== 'messageId' && (
                <>
                  Events without a <code>{draft.path}</code> share one fate: all of them are kept,
                  or none. With <code>{draft.path} != null</code> in the condition they all are.
                </>
              )
            }
            value={draft.path}
            choices={SHARES}
            onChange={(path) => set({ path })}
          />
          <TextField
            label="Percent that is kept"
            inputMode="decimal"
            value={draft.percent}
            onChange={(percent) => set({ percent })}
          />
        </>
      )}
      {draft.kind.endsWith('properties') && (
        <TextField
          label="Properties"
          help="With commas between."
          value={draft.properties}
          onChange={(properties) => set({ properties })}
        />
      )}
    </>
  );
}

function Results({ results }: { results: readonly FilterVerdict[] }) {
  if (results.length === 0) return <Empty>No event has come yet to try them on.</Empty>;
  const kept = results.filter((own) => own.kept).length;
  return (
    <Section title={`Of the last ${results.length} events ${kept} would be sent`}>
      <Table label="Preview of the filters" columns={['Event', 'Result', 'Conditions', 'Removed']}>
        {results.map((own, at) => (
          <tr key={at}>
            <td>
              {own.messageId ? (
                <a href={href(tracePath(own.messageId))}>{own.event ?? own.type}</a>
              ) : (
                (own.event ?? own.type)
              )}
            </td>
            <td>
              <Badge tone={own.kept ? 'good' : 'warn'}>{own.kept ? 'sent' : 'filtered'}</Badge>{' '}
              {own.reason} {own.filter}
            </td>
            <td>
              {own.filters.map(({ name, matches, problem }) => (
                <div key={name}>
                  {name}: {problem ?? (matches ? 'meets it' : 'does not')}
                </div>
              ))}
            </td>
            <td>{own.removed.join(', ')}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
