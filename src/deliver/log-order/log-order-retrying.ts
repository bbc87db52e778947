/** Dead letters that were sent back: they have no place in the order any more. */
import { assert } from '../../base/assert.ts';
import { keyOf } from '../idempotency-key.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';
import { readWaiting } from '../streams/stream-reading.ts';
import { commitStep } from '../streams/stream-step.ts';
import { sumCounts } from '../streams/stream-window.ts';
import { tryUntilDone } from './log-order-attempts.ts';
import { giveUpDefective, routeInto, settleBatch } from './log-order-outcomes.ts';
import type { RoutedBatch, SettledBatch } from './log-order-outcomes.ts';
import type { LogOrderState } from './log-order-state.ts';

/** Sends a batch of them, if there are any. */
export async function sendRetried(stream: LogOrderState): Promise<void> {
  const { clock, pace } = stream.context;
  const rows = stream.waiting.takeDue(clock.wallMs(), pace.batchEvents);
  if (rows.length === 0) return;
  const resolved = rows.map(({ id }) => id);
  const settled = await tryRows(stream, await routeRows(stream, rows), resolved);
  if (settled === 'stopped') return;
  commitStep(stream, { counts: sumCounts(settled.counts), dead: settled.dead, resolved });
  for (const row of rows) stream.waiting.settle(row);
}

async function routeRows(
  stream: LogOrderState,
  rows: readonly WaitingEvent[],
): Promise<RoutedBatch> {
  const routed: RoutedBatch = { sends: [], counts: [] };
  for (const row of rows) {
    const event = await readWaiting(stream, row);
    assert(event, 'a dead letter keeps its event');
    routeInto(routed, stream, event, row);
  }
  return routed;
}

async function tryRows(
  stream: LogOrderState,
  routed: RoutedBatch,
  ids: readonly number[],
): Promise<SettledBatch | 'stopped'> {
  if (routed.sends.length === 0) return { counts: routed.counts, dead: [] };
  const { context, scope } = stream;
  const end = await tryUntilDone(stream, {
    events: routed.sends.map(({ delivery }) => delivery),
    token: keyOf([scope, 'again', ...ids]),
    replayId: context.replayId,
    // They are nowhere in the log, so they do not expire with a part of it.
    ranges: [],
  });
  if (end.kind === 'stopped' || end.kind === 'expired') return 'stopped';
  const settled =
    end.kind === 'defective'
      ? giveUpDefective(stream, routed)
      : settleBatch(stream, routed, end.sent.outcomes);
  stream.defects = 0;
  return settled;
}
