/** Events of the past, sent again or for the first time, beside live delivery. */
import { useState } from 'preact/hooks';
import type { SentReplay } from '../../../../src/admin/sent-shapes.ts';
import type { ReplayForecast, ReplayProgress } from '../../../../src/deliver/replay-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { count, time } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { RowButton } from '../../parts/row-button.tsx';
import { Table } from '../../parts/table.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';

const DAY_MS = 86_400_000;
const EVERY_MS = 1_000;
const COLUMNS = ['Made', 'Received', 'State', 'Progress', 'Delivered', 'Waiting', 'Dead', ''];

/** For an input: in the reader's time, to the second. */
function local(ms: number): string {
  return time(ms).replace(' ', 'T');
}

export function Replays({ slug }: { slug: string }) {
  const base = `/admin/destinations/${slug}/replays`;
  const { data, error, reload } = useLoaded<ReplayProgress[]>(base, EVERY_MS);
  const change = useChange(reload);
  const steer = (id: string, action: string): void =>
    change.make(() => send('POST', `${base}/${id}/${action}`));
  return (
    <>
      <Problem error={error ?? change.error} />
      {may('member') && <NewReplay base={base} onStart={reload} />}
      <Section title="Replays">
        {data?.length === 0 && <Empty>Nothing was replayed yet.</Empty>}
        {data && data.length > 0 && (
          <Table label="Replays" columns={COLUMNS}>
            {data.map((replay) => (
              <tr key={replay.id}>
                <td>{time(replay.createdAt)}</td>
                <td>
                  {time(replay.spec.fromMs)} to {time(replay.spec.toMs)}
                </td>
                <td>
                  <Badge tone={replay.state === 'done' ? 'good' : 'plain'}>{replay.state}</Badge>
                </td>
                <td>
                  <progress
                    max={1}
                    value={replay.share}
                    aria-label={`${Math.floor(replay.share * 100)} percent`}
                  />
                </td>
                <td class="number">{count(replay.delivered)}</td>
                <td class="number">{count(replay.waiting)}</td>
                <td class="number">{count(replay.dead)}</td>
                <td>{may('member') && <Steer replay={replay} onSteer={steer} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
    </>
  );
}

interface SteerProps {
  replay: ReplayProgress;
  onSteer(id: string, action: string): void;
}

function Steer({ replay: { id, state, createdAt }, onSteer }: SteerProps) {
  if (state !== 'running' && state !== 'paused') return null;
  const of = `the replay made at ${time(createdAt)}`;
  return (
    <span class="actions">
      {state === 'running' ? (
        <RowButton text="Pause" of={of} onClick={() => onSteer(id, 'pause')} />
      ) : (
        <RowButton text="Resume" of={of} onClick={() => onSteer(id, 'resume')} />
      )}
      <RowButton text="Cancel" of={of} isDangerous onClick={() => onSteer(id, 'cancel')} />
    </span>
  );
}

function NewReplay({ base, onStart }: { base: string; onStart(): void }) {
  const [given, setGiven] = useState(() => ({
    from: local(Date.now() - DAY_MS),
    to: local(Date.now()),
    events: '',
    filter: '',
    rate: '',
  }));
  const [counted, setCounted] = useState<number>();
  const task = useTask();
  const start = async (dryRun: boolean): Promise<void> => {
    const events = given.events.split(',').map((name) => name.trim());
    const body: SentReplay = {
      from: new Date(given.from).toISOString(),
      to: new Date(given.to).toISOString(),
      events: events.filter((name) => name !== ''),
      filter: given.filter.trim() === '' ? null : given.filter,
      eventsPerSecond: given.rate === '' ? null : Number(given.rate),
      dryRun,
    };
    if (dryRun) {
      setCounted((await send<ReplayForecast>('POST', base, body)).wouldSend);
      return;
    }
    await send<ReplayProgress>('POST', base, body);
    setCounted(undefined);
    onStart();
  };
  const input = (name: keyof typeof given, label: string, help: string, type = 'text') => (
    <TextField
      label={label}
      help={help}
      type={type}
      step={1}
      value={given[name]}
      onChange={(text) => setGiven({ ...given, [name]: text })}
    />
  );
  return (
    <Section title="Send events of the past">
      <TaskForm
        task={task}
        label="Start the replay"
        onSubmit={() => start(false)}
        actions={
          <button type="button" class="quiet" onClick={() => void task.run(() => start(true))}>
            Count only
          </button>
        }
      >
        <div class="columns">
          {input('from', 'Received from', 'In your time zone.', 'datetime-local')}
          {input('to', 'Until', 'Not later than now.', 'datetime-local')}
          {input('events', 'Only these events', 'With commas between; empty: all.')}
          {input('filter', 'Only if (FQL)', 'Such as userId = "u1".')}
          {input('rate', 'Events a second, at most', 'Empty: as fast as it takes them.')}
        </div>
        {counted !== undefined && <p role="status">{count(counted)} events would be sent.</p>}
      </TaskForm>
    </Section>
  );
}
