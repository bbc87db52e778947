/** Alert rules: what fires, what was told, and suggestions that one click makes rules. */
import { useState } from 'preact/hooks';
import { may, send } from '../../admin-api.ts';
import { time } from '../../format.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { say } from '../../parts/toast.tsx';
import { RuleForm } from './alert-rule-form.tsx';
import type { AlertsAnswer, Rule, StandingRule, Watch } from './usage-shapes.ts';

const EVERY_MS = 5_000;
const TONES = { ok: 'good', pending: 'warn', firing: 'bad' } as const;

/** The tab of the rules. */
export function Alerts() {
  const { data, error, reload } = useLoaded<AlertsAnswer>('/admin/alerts', EVERY_MS);
  const [edited, setEdited] = useState<Partial<Rule>>();
  const task = useTask();
  const act = (work: () => Promise<unknown>, done: string): void => {
    void task.run(async () => {
      await work();
      say(done);
      reload();
    });
  };
  return (
    <>
      <Problem error={error ?? task.error} />
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
              <tr key={rule.id}>
                <td>{rule.name}</td>
                <td>{wordsOf(rule.watch)}</td>
                <td>
                  <Standing rule={rule} />
                </td>
                <td>{rule.channels.map(({ type }) => type).join(', ') || 'nobody'}</td>
                <td>
                  {may('member') && (
                    <span class="actions">
                      <button type="button" class="quiet" onClick={() => setEdited(rule)}>
                        Change
                      </button>
                      <button
                        type="button"
                        class="quiet"
                        onClick={() =>
                          act(() => send('POST', `/admin/alerts/${rule.id}/test`), 'Told')
                        }
                      >
                        Test
                      </button>
                      <button
                        type="button"
                        class="danger"
                        onClick={() =>
                          act(() => send('DELETE', `/admin/alerts/${rule.id}`), 'Deleted')
                        }
                      >
                        Delete
                      </button>
                    </span>
                  )}
                </td>
              </tr>
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
export function wordsOf({ kind, ...rest }: Watch): string {
  const parts = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} ${value}`);
  return parts.length === 0 ? kind : `${kind}: ${parts.join(', ')}`;
}

interface SuggestionsProps {
  known: readonly Rule[];
  onTake(rule: Partial<Rule>): void;
}

function Suggestions({ known, onTake }: SuggestionsProps) {
  const { data } = useLoaded<Rule[]>('/admin/alerts/suggestions');
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
              <button
                type="button"
                class="quiet"
                aria-label={`Take ${rule.name}`}
                onClick={() => onTake(rule)}
              >
                Take
              </button>
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
