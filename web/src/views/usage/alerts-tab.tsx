/** Alert rules: what fires, what was told, and suggestions that one click makes rules. */
import { useState } from 'preact/hooks';
import type {
  AlertRuleView,
  AlertsAnswer,
  StandingRule,
  WrittenAlertRule,
} from '../../../../src/operate/alerts/alert-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { time } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { useChange } from '../../use-change.ts';
import type { Change } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { RuleForm } from './alert-rule-form.tsx';
import type { DraftRule } from './alert-rule-form.tsx';

const EVERY_MS = 5_000;
const TONES = { ok: 'good', pending: 'warn', firing: 'bad' } as const;

/** The tab of the rules. */
export function Alerts() {
  const { data, error, reload } = useLoaded<AlertsAnswer>('/admin/alerts', EVERY_MS);
  const [edited, setEdited] = useState<DraftRule>();
  const change = useChange(reload);
  return (
    <>
      <Problem error={error ?? change.error} />
      <Section
        title="Rules"
        actions={
          may('member') && (
            <button type="button" onClick={() => setEdited({})}>
              New rule
            </button>
          )
        }
      >
        {data?.rules.length === 0 && (
          <Empty>Nobody is told anything yet. Take a suggestion below, or make a rule.</Empty>
        )}
        {data && data.rules.length > 0 && (
          <Table label="Alert rules" columns={['Rule', 'Watches', 'Stands', 'Told by', '']}>
            {data.rules.map((rule) => (
              <RuleRow key={rule.id} rule={rule} change={change} onEdit={() => setEdited(rule)} />
            ))}
          </Table>
        )}
      </Section>
      {may('member') && <Suggestions known={data?.rules ?? []} onTake={setEdited} />}
      <Past past={data?.past ?? []} />
      {edited && (
        <RuleForm
          rule={edited}
          hasMail={data?.hasMail ?? false}
          onClose={() => setEdited(undefined)}
          onSaved={reload}
        />
      )}
    </>
  );
}

interface RowProps {
  rule: StandingRule;
  change: Change;
  onEdit(): void;
}

function RuleRow({ rule, change, onEdit }: RowProps) {
  const path = `/admin/alerts/${rule.id}`;
  const test = (): void => change.make(() => send('POST', `${path}/test`), { done: 'Told' });
  const remove = (): void => {
    const ask = `Delete the rule “${rule.name}”? Nobody is told any more when it is so.`;
    change.make(() => send('DELETE', path), { ask, done: 'Deleted' });
  };
  return (
    <tr>
      <td>{rule.name}</td>
      <td>{wordsOf(rule.watch)}</td>
      <td>
        <Standing rule={rule} />
      </td>
      <td>{rule.channels.map(({ type }) => type).join(', ') || 'nobody'}</td>
      <td>
        {may('member') && (
          <span class="actions">
            <RowButton text="Change" of={rule.name} onClick={onEdit} />
            <RowButton text="Test" of={rule.name} onClick={test} />
            <RowButton text="Delete" of={rule.name} isDangerous onClick={remove} />
          </span>
        )}
      </td>
    </tr>
  );
}

function Standing({ rule: { standing, enabled } }: { rule: StandingRule }) {
  if (!enabled) return <Badge>off</Badge>;
  return (
    <>
      <Badge tone={TONES[standing.phase]}>{standing.phase}</Badge>{' '}
      {standing.phase !== 'ok' && `${standing.text} (since ${time(standing.sinceMs)})`}
    </>
  );
}

/** `dead-letters: destination crm, above 5` */
function wordsOf({ kind, ...rest }: WrittenAlertRule['watch']): string {
  const parts = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} ${value}`);
  return parts.length === 0 ? kind : `${kind}: ${parts.join(', ')}`;
}

interface SuggestionsProps {
  known: readonly AlertRuleView[];
  onTake(rule: DraftRule): void;
}

function Suggestions({ known, onTake }: SuggestionsProps) {
  const { data } = useLoaded<WrittenAlertRule[]>('/admin/alerts/suggestions');
  const names = new Set(known.map(({ name }) => name));
  const left = data?.filter(({ name }) => !names.has(name)) ?? [];
  if (left.length === 0) return null;
  return (
    <Section title="Suggestions">
      <Table label="Suggested rules" columns={['Rule', 'Watches', '']}>
        {left.map((rule) => (
          <tr key={rule.name}>
            <td>{rule.name}</td>
            <td>{wordsOf(rule.watch)}</td>
            <td>
              <RowButton text="Take" of={rule.name} onClick={() => onTake(rule)} />
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

function Past({ past }: { past: AlertsAnswer['past'] }) {
  if (past.length === 0) return null;
  return (
    <Section title="What was told">
      <Table label="What was told" columns={['When', 'Rule', '', 'Says']}>
        {past.map((own, at) => (
          <tr key={at}>
            <td>{time(own.atMs)}</td>
            <td>{own.name}</td>
            <td>
              <Badge tone={own.phase === 'ended' ? 'good' : 'bad'}>{own.phase}</Badge>
            </td>
            <td>
              {own.text} {own.problem && <span class="problem">not told: {own.problem}</span>}
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
