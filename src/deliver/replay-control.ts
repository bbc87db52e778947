/** Starting, steering and watching replays of a destination. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { DestinationRun } from './destination-run.ts';
import type { Feed } from './feed/feed-contract.ts';
import {
  findReplay,
  insertReplay,
  listReplays,
  replayCursors,
  replaySelection,
  setReplayState,
} from './replays.ts';
import type { Replay } from './replays.ts';
import type { ReplaySpec } from './replay-shapes.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import type { ReplayProgress } from './replay-shapes.ts';

export interface ReplaySeams {
  feed: Feed;
  clock: Clock;
  random: Random;
  partitions(region: string): readonly string[];
  judgedEnd(partition: string): number;
}

/** Begins a replay. @throws MillraceError INVALID_ARGUMENT for a bad range or filter. */
export async function startReplay(
  run: DestinationRun,
  spec: ReplaySpec,
  seams: ReplaySeams,
): Promise<ReplayProgress> {
  const state = openState(run);
  replaySelection(spec);
  const { feed, clock, random, judgedEnd } = seams;
  const partitions = seams.partitions(run.record.region);
  const cursors = await replayCursors(feed, partitions, spec, judgedEnd);
  const id = `replay-${random.uuid()}`;
  const replay: Replay = { id, state: 'running', spec, createdAtMs: clock.wallMs() };
  insertReplay(state.database, replay);
  state.addCursors(id, cursors);
  run.startReplay(replay);
  return progressOf(run, replay);
}

/** What a replay would send, by today's rules, without sending it. */
export async function dryRunReplay(
  run: DestinationRun,
  spec: ReplaySpec,
  seams: ReplaySeams,
): Promise<{ wouldSend: number; filtered: Record<string, number> }> {
  const isWanted = replaySelection(spec);
  const { feed, judgedEnd } = seams;
  const partitions = seams.partitions(run.record.region);
  const cursors = await replayCursors(feed, partitions, spec, judgedEnd);
  const filtered: Record<string, number> = {};
  let wouldSend = 0;
  for (const [partition, { start, end }] of cursors) {
    for (let at = start; end !== null && at < end;) {
      const chunk = await feed.read(partition, at, end);
      if (!chunk) break;
      at = chunk.next;
      for (const event of chunk.records.flatMap(({ events }) => events)) {
        if (!isWanted(event)) continue;
        const refused = run.explain(event, true).find(({ reason }) => reason !== null);
        if (!refused?.reason) wouldSend++;
        else filtered[refused.reason] = (filtered[refused.reason] ?? 0) + 1;
      }
    }
  }
  return { wouldSend, filtered };
}

/** All replays of a destination, the newest first. */
export function replaysOf(run: DestinationRun): ReplayProgress[] {
  return listReplays(openState(run).database).map((replay) => progressOf(run, replay));
}

/** @throws MillraceError NOT_FOUND, or CONFLICT for one that has ended. */
export async function steerReplay(
  run: DestinationRun,
  id: string,
  action: 'pause' | 'resume' | 'cancel',
  clock: Clock,
): Promise<ReplayProgress> {
  const { database } = openState(run);
  const replay = findReplay(database, id);
  if (replay.state === 'done' || replay.state === 'cancelled') {
    throw new MillraceError('CONFLICT', `The replay is ${replay.state}`, { field: 'id' });
  }
  if (action === 'cancel') await run.cancelReplay(id);
  else run.pauseReplay(id, action === 'pause');
  const next = { pause: 'paused', resume: 'running', cancel: 'cancelled' } as const;
  setReplayState(database, id, next[action], clock.wallMs());
  if (action === 'cancel') {
    // What waited is not tried again; it does not hold the log either.
    database.prepare('delete from waiting where stream = ?').run(id);
  }
  return progressOf(run, findReplay(database, id));
}

function progressOf(run: DestinationRun, replay: Replay): ReplayProgress {
  const state = openState(run);
  const { id, spec, createdAtMs } = replay;
  let [done, total] = [0, 0];
  for (const { start, position, end } of state.cursors(id).values()) {
    done += position - start;
    total += (end ?? position) - start;
  }
  const filtered: Record<string, number> = {};
  let delivered = 0;
  for (const { outcome, reason, count } of state.counts(id)) {
    if (outcome === 'delivered') delivered += count;
    else if (outcome === 'filtered') filtered[reason] = (filtered[reason] ?? 0) + count;
  }
  const dead = state.database
    .prepare('select count(*) as count from dead_letters where stream = ?')
    .get(id);
  return {
    id,
    destination: run.record.slug,
    state: replay.state,
    spec,
    createdAt: new Date(createdAtMs).toISOString(),
    share: total === 0 ? 1 : done / total,
    delivered,
    filtered,
    waiting: state.waiting(id).length,
    dead: Number(dead?.['count'] ?? 0),
  };
}

function openState(run: DestinationRun): DeliveryState {
  const state = run.state();
  if (state) return state;
  throw new MillraceError('UNAVAILABLE', `${run.record.slug} is not open`);
}
