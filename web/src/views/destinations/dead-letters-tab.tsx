/** Events that will not arrive by themselves: by cause, one by one, again, or no more. */
import { useState } from 'preact/hooks';
import type { SentDiscard, SentRetry } from '../../../../src/admin/sent-shapes.ts';
import type {
  DeadLetterGroup,
  DeadLetterView,
} from '../../../../src/deliver/dead-letter-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { count, time } from '../../format.ts';
import { href } from '../../page-router.ts';
import { Code } from '../../parts/code.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { say } from '../../parts/toast.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { tracePath } from '../../view-paths.ts';

const EVERY_MS = 3_000;
const PAGE = 50;
/** As much as the server gives at once. */
const SHOWN_MAX = 1_000;

interface Props {
  slug: string;
  onChange(): void;
}

export function DeadLetters({ slug, onChange }: Props) {
  const base = `/admin/destinations/${slug}/dead-letters`;
  const groups = useLoaded<DeadLetterGroup[]>(`${base}/groups`, EVERY_MS);
  const [cause, setCause] = useState<DeadLetterGroup>();
  const [limit, setLimit] = useState(PAGE);
  const letters = useLoaded<DeadLetterView[]>(`${base}?${queryOf(cause, limit)}`, EVERY_MS);
  const change = useChange(() => {
    groups.reload();
    letters.reload();
    onChange();
  });
  const act: Act = (path, body, done) =>
    change.make(async () => {
      const { count: events } = await send<{ count: number }>('POST', `${base}/${path}`, body);
      say(`${count(events)} ${done}`);
    });
  if (groups.data?.length === 0) {
    return (
      <Empty>
        No dead letters. An event becomes one when the service refuses it for good, or after the
        last attempt; it stays here until it is retried or discarded.
      </Empty>
    );
  }
  const hasMore = letters.data?.length === limit && limit < SHOWN_MAX;
  return (
    <>
      <Problem error={groups.error ?? letters.error ?? change.error} />
      <Groups groups={groups.data ?? []} onShow={setCause} onAct={act} />
      <Letters
        base={base}
        cause={cause}
        letters={letters.data ?? []}
        onShowAll={() => setCause(undefined)}
        onMore={hasMore ? () => setLimit(Math.min(SHOWN_MAX, limit * 2)) : undefined}
        onAct={act}
      />
    </>
  );
}

/** Sends a choice of dead letters to a path; `done` says what then became of so many. */
type Act = <Path extends 'retry' | 'discard'>(path: Path, body: Bodies[Path], done: string) => void;
interface Bodies {
  retry: SentRetry;
  discard: SentDiscard;
}

interface GroupsProps {
  groups: readonly DeadLetterGroup[];
  onShow(group: DeadLetterGroup): void;
  onAct: Act;
}

function Groups({ groups, onShow, onAct }: GroupsProps) {
  return (
    <Section
      title="By cause"
      actions={<LetterActions chosen={{ all: true }} what="all" onAct={onAct} />}
    >
      <Table label="Dead letters by cause" columns={['Cause', 'Says', 'Events', 'Last', '']}>
        {groups.map((group) => (
          <tr key={`${group.reason} ${group.status}`}>
            <td>
              {group.reason} {group.status}
            </td>
            <td>{group.message}</td>
            <td class="number">{count(group.count)}</td>
            <td>{time(group.lastDiedAtMs)}</td>
            <td>
              <span class="actions">
                <button type="button" class="quiet" onClick={() => onShow(group)}>
                  Show
                </button>
                <LetterActions
                  chosen={causeOf(group)}
                  what={`${group.reason} ${group.status ?? ''}`}
                  onAct={onAct}
                />
              </span>
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

interface LettersProps {
  base: string;
  /** Undefined: of all causes. */
  cause: DeadLetterGroup | undefined;
  letters: readonly DeadLetterView[];
  onShowAll(): void;
  /** Undefined: there are no more. */
  onMore: (() => void) | undefined;
  onAct: Act;
}

function Letters({ base, cause, letters, onShowAll, onMore, onAct }: LettersProps) {
  const [shown, setShown] = useState<number>();
  return (
    <Section
      title={cause ? `Of the cause ${cause.reason} ${cause.status ?? ''}` : 'One by one'}
      actions={
        cause && (
          <button type="button" class="quiet" onClick={onShowAll}>
            Show all
          </button>
        )
      }
    >
      <Table label="Dead letters" columns={['Event', 'Cause', 'Attempts', 'Died', '']}>
        {letters.map((letter) => (
          <tr key={letter.id}>
            <td>{letter.event ?? letter.type}</td>
            <td>
              {letter.failure.reason} {letter.failure.status}
            </td>
            <td class="number">{letter.attempts}</td>
            <td>{time(letter.diedAtMs)}</td>
            <td>
              <span class="actions">
                <button type="button" class="quiet" onClick={() => setShown(letter.id)}>
                  Inspect
                </button>
                <LetterActions chosen={{ id: letter.id }} what={letter.messageId} onAct={onAct} />
              </span>
            </td>
          </tr>
        ))}
      </Table>
      {onMore && (
        <button type="button" class="quiet" onClick={onMore}>
          Show more
        </button>
      )}
      {shown !== undefined && (
        <Inspect path={`${base}/${shown}`} onClose={() => setShown(undefined)} />
      )}
    </Section>
  );
}

interface LetterActionsProps {
  /** As the server takes it. */
  chosen: SentRetry;
  /** Said to people who do not see the row. */
  what: string;
  onAct: Act;
}

function LetterActions({ chosen, what, onAct }: LetterActionsProps) {
  if (!may('member')) return null;
  const discard = (): void => {
    const because = window.prompt('Discard them because…', 'not needed');
    if (because) onAct('discard', { ...chosen, because }, 'discarded');
  };
  return (
    <span class="actions">
      <RowButton text="Retry" of={what} onClick={() => onAct('retry', chosen, 'are tried again')} />
      <RowButton text="Discard" of={what} isDangerous onClick={discard} />
    </span>
  );
}

/** What the server takes as a choice of dead letters. */
function causeOf({ reason, status }: DeadLetterGroup): { reason: string; status?: number } {
  return status === null ? { reason } : { reason, status };
}

function queryOf(cause: DeadLetterGroup | undefined, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [key, value] of Object.entries(cause ? causeOf(cause) : {})) {
    query.set(key, String(value));
  }
  return query.toString();
}

function Inspect({ path, onClose }: { path: string; onClose(): void }) {
  const { data, error } = useLoaded<DeadLetterView>(path);
  return (
    <Dialog title={data?.event ?? data?.type ?? 'Dead letter'} onClose={onClose}>
      <Problem error={error} />
      {data && (
        <div class="fields">
          <Facts
            facts={[
              ['Cause', `${data.failure.reason} ${data.failure.status ?? ''}`],
              ['Says', data.failure.message],
              ['Attempts', data.attempts],
              ['First failed', time(data.firstFailedMs)],
              ['Message', <a href={href(tracePath(data.messageId))}>{data.messageId}</a>],
            ]}
          />
          {data.failure.response && <Code text={data.failure.response} label="last response" />}
          {data.message && <Code text={JSON.stringify(data.message, null, 2)} label="event" />}
        </div>
      )}
    </Dialog>
  );
}
