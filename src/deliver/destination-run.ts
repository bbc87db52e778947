/**
 * A configured destination at work: its state, its connection to the service, its streams. What
 * cannot be opened, or ends in an error, is tried again later; meanwhile its events stay in the
 * log, and other destinations do not notice.
 */
import { MillraceError, toError } from '../base/errors.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { openPlace, openService, untilDone } from './destination-opening.ts';
import type { DestinationRecord } from './destination-record.ts';
import { explainEvent } from './destination-routing.ts';
import { createRunState } from './destination-run-state.ts';
import type { RunSeams, RunState } from './destination-run-state.ts';
import { destinationStatus } from './destination-status.ts';
import type { DestinationStatus } from './delivery-shapes.ts';
import {
  askAllToStop,
  pauseStream,
  startStream,
  startStreams,
  stopStream,
} from './destination-streams.ts';
import type { Replay } from './replays.ts';
import type { RuleResult } from './trace-shapes.ts';
import type { DeliveryState } from './state/delivery-state.ts';
import type { WaitingEvent } from './state/delivery-rows.ts';

export interface DestinationRun {
  record: DestinationRecord;
  /** Resolves when its cursors are durable: from here on it misses nothing. */
  placed: Promise<unknown>;
  /** Null when it cannot be opened. */
  state(): DeliveryState | null;
  status(): DestinationStatus;
  wake(): void;
  startReplay(replay: Replay): void;
  pauseReplay(id: string, isPaused: boolean): void;
  cancelReplay(id: string): Promise<void>;
  adopt(stream: string, rows: readonly WaitingEvent[]): void;
  expireBefore(partition: string, position: number): void;
  /** @param isReplay as a replay that asks for everything would route it. */
  explain(event: StoredEvent, isReplay?: boolean): RuleResult[];
  /** @throws MillraceError DESTINATION_TEST_FAILED */
  test(): Promise<void>;
  stop(): Promise<void>;
}

const TEST_MS_MAX = 20_000;

/** Starts at once and keeps trying; whatever fails is in `status`. */
export function startDestinationRun(record: DestinationRecord, seams: RunSeams): DestinationRun {
  const run = createRunState(record, seams);
  const { streams } = run;
  const placed = untilDone(run, openPlace);
  const begun = begin(run, placed);
  return {
    record,
    placed,
    state: () => run.state,
    status: () => destinationStatus(run),
    wake() {
      for (const { stream } of streams.values()) stream?.wake();
    },
    startReplay: (replay) => startStream(run, replay, false),
    pauseReplay: (id, isPaused) => pauseStream(run, id, isPaused),
    cancelReplay: (id) => stopStream(run, id),
    adopt: (stream, rows) => streams.get(stream)?.stream?.adopt(rows),
    expireBefore(partition, position) {
      for (const { stream } of streams.values()) stream?.expireBefore(partition, position);
    },
    explain: (event, isReplay = false) => explainEvent(run, event, isReplay),
    test: () => testService(run),
    stop: () => stopRun(run, begun),
  };
}

async function begin(run: RunState, placed: Promise<boolean>): Promise<void> {
  if (!(await placed) || !(await untilDone(run, openService))) return;
  await untilDone(run, startStreams);
}

async function testService({ destination, failure }: RunState): Promise<void> {
  if (!destination) {
    throw new MillraceError('DESTINATION_TEST_FAILED', failure ?? 'it is not open yet');
  }
  await destination.test?.(AbortSignal.timeout(TEST_MS_MAX));
}

async function stopRun(run: RunState, begun: Promise<void>): Promise<void> {
  run.stopping.abort();
  askAllToStop(run);
  await begun;
  for (const { ended } of run.streams.values()) await ended;
  await run.destination?.close().catch((error: unknown) => {
    run.logger.warn({ reason: toError(error).message }, 'destination did not close well');
  });
  run.state?.close();
  run.state = null;
}
