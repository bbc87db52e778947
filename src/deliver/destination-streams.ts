/** The streams of a destination that is open: each runs to its end, and anew after an error. */
import { toError } from '../base/errors.ts';
import { routingPlan, sourceName } from './destination-routing.ts';
import { restBeforeRestart } from './destination-run-state.ts';
import type { RunningStream, RunState } from './destination-run-state.ts';
import { createLogOrderStream } from './log-order/log-order-stream.ts';
import { listReplays, setReplayState } from './replays.ts';
import type { Replay } from './replays.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';
import type { StreamContext } from './streams/delivery-stream.ts';
import { paceOf } from './streams/stream-pace.ts';
import { createUserOrderStream } from './user-order/user-order-stream.ts';

/** The live stream, and the replays that have not ended. */
export function startStreams(run: RunState): void {
  // Read first: what fails here is tried again, and nothing may have been started then.
  const replays = run.state ? listReplays(run.state.database) : [];
  startStream(run, null, run.record.state === 'paused');
  for (const replay of replays) {
    if (replay.state === 'running') startStream(run, replay, false);
    else if (replay.state === 'paused') startStream(run, replay, true);
  }
}

/** @param replay null: the live stream. */
export function startStream(run: RunState, replay: Replay | null, isPaused: boolean): void {
  const name = replay?.id ?? LIVE_STREAM;
  const running: RunningStream = {
    stream: null,
    isPaused,
    isStopping: false,
    ended: Promise.resolve(),
  };
  run.streams.set(name, running);
  running.ended = runUntilEnd(run, running, replay).finally(() => {
    if (replay) run.streams.delete(name);
  });
}

/** After an error the stream begins anew, from what is durable. */
async function runUntilEnd(
  run: RunState,
  running: RunningStream,
  replay: Replay | null,
): Promise<void> {
  for (let attempt = 1; !running.isStopping; attempt++) {
    try {
      await runOnce(run, running, replay);
      return;
    } catch (error) {
      run.failure = toError(error).message;
      run.logger.error({ reason: toError(error).stack }, 'delivery failed; it starts again');
      await restBeforeRestart(run, attempt);
      run.failure = null;
    }
  }
}

async function runOnce(
  run: RunState,
  running: RunningStream,
  replay: Replay | null,
): Promise<void> {
  const create = run.type?.order === 'log' ? createLogOrderStream : createUserOrderStream;
  const stream = create(contextOf(run, replay));
  running.stream = stream;
  stream.pause(running.isPaused);
  const end = await stream.run();
  if (end === 'done' && replay && run.state) {
    setReplayState(run.state.database, replay.id, 'done', run.seams.clock.wallMs());
  }
}

function contextOf(run: RunState, replay: Replay | null): StreamContext {
  const { record, seams, type, state, destination } = run;
  if (!state || !destination) throw new Error('the destination is not open');
  return {
    destinationId: record.id,
    stream: replay?.id ?? LIVE_STREAM,
    replayId: replay?.id ?? null,
    destination,
    pace: paceOf(record, type, seams.settings, replay),
    settings: seams.settings,
    state,
    feed: seams.feed,
    plan: routingPlan(run, replay),
    breaker: run.breaker,
    source: (number) => sourceName(run, number),
    judgedEnd: seams.judgedEnd,
    clock: seams.clock,
    random: seams.random,
    logger: run.logger,
    meters: run.meters,
  };
}

/** @param name of a stream; one that does not run is passed by. */
export function pauseStream(run: RunState, name: string, isPaused: boolean): void {
  const running = run.streams.get(name);
  if (!running) return;
  running.isPaused = isPaused;
  running.stream?.pause(isPaused);
}

/** Resolves when it has come to an end. */
export async function stopStream({ streams }: RunState, name: string): Promise<void> {
  const running = streams.get(name);
  if (!running) return;
  askToStop(running);
  await running.ended;
}

/** They come to an end side by side. */
export function askAllToStop({ streams }: RunState): void {
  for (const running of streams.values()) askToStop(running);
}

function askToStop(running: RunningStream): void {
  running.isStopping = true;
  running.stream?.stop();
}
