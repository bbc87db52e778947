/** Filters of a destination, with what they would do to real recent events. */
import { useState } from 'preact/hooks';
import { may, send } from '../../admin-api.ts';
import { useTask } from '../../use-task.ts';
import { Badge } from '../../parts/badge.tsx';
import { Field } from '../../parts/field.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { say } from '../../parts/toast.tsx';
import { href } from '../../page-router.ts';
import type { Destination, Filter, FilterAction, FilterResult } from './destination-shapes.ts';

interface Props {
  destination: Destination;
  onChange(): void;
}

/** Of what the server knows, those that a form can say; others are kept as they are. */
type Kind = 'drop' | 'sample' | 'drop_properties' | 'allow_properties';

interface Draft {
  condition: string;
  kind: Kind;
  percent: string;
  properties: string;
}

const NEW: Draft = {
  condition: 'event = "Order Completed"',
  kind: 'drop',
  percent: '10',
  properties: '',
};
const KINDS: Record<Kind, string> = {
  drop: 'drop the event',
  sample: 'keep only a share of the users',
  drop_properties: 'remove properties',
  allow_properties: 'keep only these properties',
};

function actionOf({ kind, percent, properties }: Draft): FilterAction {
  if (kind === 'drop') return { type: 'drop' };
  if (kind === 'sample') return { type: 'sample', percent: Number(percent) / 100 };
  const names = properties.split(',').map((name) => name.trim());
  return { type: kind, fields: { properties: names.filter((name) => name !== '') } };
}

export function FiltersTab({ destination, onChange }: Props) {
  const [filters, setFilters] = useState<readonly Filter[]>(destination.filters);
  const [draft, setDraft] = useState<Draft>(NEW);
  const [results, setResults] = useState<FilterResult[]>();
  const task = useTask();
  const added: Filter = { if: draft.condition, actions: [actionOf(draft)] };
  const preview = (wanted: readonly Filter[]): void => {
    void task.run(async () => {
      const body = { filters: wanted };
      const answer = await send<{ results: FilterResult[] }>(
        'POST',
        '/admin/filters/preview',
        body,
      );
      setResults(answer.results);
    });
  };
  const save = (wanted: readonly Filter[]): void => {
    void task.run(async () => {
      await send('PATCH', `/admin/destinations/${destination.slug}`, { filters: wanted });
      setFilters(wanted);
      say('Saved');
      onChange();
    });
  };
  return (
    <>
      <Section title="Filters">
        {filters.length === 0 && <Empty>No filter: everything that is routed here is sent.</Empty>}
        {filters.length > 0 && (
          <Table label="Filters" columns={['If', 'Then', '']}>
            {filters.map((filter, at) => (
              <tr key={at}>
                <td>
                  <code>{filter.if}</code> {filter.enabled === false && <Badge>off</Badge>}
                </td>
                <td>
                  <code>{JSON.stringify(filter.actions)}</code>
                </td>
                <td>
                  {may('member') && (
                    <span class="actions">
                      <button
                        type="button"
                        class="quiet"
                        onClick={() => save(withSwitched(filters, at))}
                      >
                        {filter.enabled === false ? 'Switch on' : 'Switch off'}
                      </button>
                      <button
                        type="button"
                        class="danger"
                        onClick={() => save(filters.filter((_, other) => other !== at))}
                      >
                        Remove
                      </button>
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
        {filters.length > 0 && (
          <button type="button" class="quiet" onClick={() => preview(filters)}>
            What they do to recent events
          </button>
        )}
      </Section>
      {may('member') && (
        <Section title="Add a filter">
          <form
            class="fields"
            onSubmit={(event) => {
              event.preventDefault();
              save([...filters, added]);
            }}
          >
            <DraftFields draft={draft} onChange={setDraft} />
            <Problem error={task.error} />
            <div class="actions">
              <button type="button" class="quiet" onClick={() => preview([...filters, added])}>
                Preview on recent events
              </button>
              <button type="submit" disabled={task.isRunning}>
                Add the filter
              </button>
            </div>
          </form>
        </Section>
      )}
      {results && <Results results={results} />}
    </>
  );
}

function withSwitched(filters: readonly Filter[], at: number): Filter[] {
  return filters.map((own, index) =>
    index === at ? { ...own, enabled: own.enabled === false } : own,
  );
}

function DraftFields({ draft, onChange }: { draft: Draft; onChange(draft: Draft): void }) {
  const set = (change: Partial<Draft>): void => onChange({ ...draft, ...change });
  return (
    <>
      <Field label="If (FQL)" help={'Such as type = "track" and properties.total > 100.'}>
        {(own) => (
          <input
            {...own}
            class="d-code"
            spellcheck={false}
            value={draft.condition}
            onInput={(event) => set({ condition: event.currentTarget.value })}
          />
        )}
      </Field>
      <Field label="Then">
        {(own) => (
          <select
            {...own}
            value={draft.kind}
            onChange={(event) => set({ kind: event.currentTarget.value as Kind })}
          >
            {Object.entries(KINDS).map(([kind, text]) => (
              <option key={kind} value={kind}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      {draft.kind === 'sample' && (
        <Field label="Percent that is kept">
          {(own) => (
            <input
              {...own}
              inputMode="decimal"
              value={draft.percent}
              onInput={(event) => set({ percent: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      {draft.kind.endsWith('properties') && (
        <Field label="Properties" help="With commas between.">
          {(own) => (
            <input
              {...own}
              value={draft.properties}
              onInput={(event) => set({ properties: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}

function Results({ results }: { results: readonly FilterResult[] }) {
  if (results.length === 0) return <Empty>No event has come yet to try them on.</Empty>;
  const kept = results.filter((own) => own.kept).length;
  return (
    <Section title={`Of the last ${results.length} events ${kept} would be sent`}>
      <Table label="Preview of the filters" columns={['Event', 'Result', 'Conditions', 'Removed']}>
        {results.map((own, at) => (
          <tr key={at}>
            <td>
              {own.messageId ? (
                <a href={href(`/trace/${encodeURIComponent(own.messageId)}`)}>
                  {own.event ?? own.type}
                </a>
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
