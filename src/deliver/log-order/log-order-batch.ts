/**
 * The batch that was gathered: fixed, tried, accounted for. Its place in the log is durable before
 * it is tried (the intent), so that after a crash the same events come again under the same token.
 */
import { keyOf } from '../idempotency-key.ts';
import type { Intent } from '../state/delivery-rows.ts';
import { accountUpTo } from '../streams/stream-state.ts';
import { commitStep } from '../streams/stream-step.ts';
import { sumCounts } from '../streams/stream-window.ts';
import { restFor, tryUntilDone } from './log-order-attempts.ts';
import type { BatchEnd } from './log-order-attempts.ts';
import { giveUpDefective, routeRecords, settleBatch } from './log-order-outcomes.ts';
import type { RoutedBatch, SettledBatch } from './log-order-outcomes.ts';
import { readAgain } from './log-order-reading.ts';
import {
  gatherAgain,
  gatheredRanges,
  liftRecordsMax,
  newestGathered,
  startGathering,
} from './log-order-state.ts';
import type { LogOrderState } from './log-order-state.ts';

/** A batch that fails by the destination's code is cut into so many. */
const CUT = 10;

/** After a crash: the batch that was under way, exactly as it was. */
export async function resumeBatch(stream: LogOrderState): Promise<void> {
  const { state, stream: name } = stream.context;
  const intent = state.intent(name);
  if (!intent) return;
  await readAgain(stream, intent.ranges);
  await sendGathered(stream, intent);
}

/** Sends what was gathered. @param intent of a batch that a crash interrupted. */
export async function sendGathered(stream: LogOrderState, intent: Intent | null): Promise<void> {
  const routed = routeRecords(stream, stream.gathering.records);
  const events = routed.sends.length;
  if (events === 0) {
    finishBatch(stream, { counts: routed.counts, dead: [] });
  } else {
    const end = await tryBatch(stream, routed, intent);
    if (end.kind === 'stopped') return;
    if (end.kind === 'expired') return abandonBatch(stream);
    if (end.kind === 'defective') return cutBatch(stream, routed);
    finishBatch(stream, settleBatch(stream, routed, end.sent.outcomes));
  }
  const { eventsPerSecond } = stream.context.pace;
  if (eventsPerSecond !== null) await restFor(stream, (events / eventsPerSecond) * 1000);
}

function tryBatch(
  stream: LogOrderState,
  { sends }: RoutedBatch,
  resumed: Intent | null,
): Promise<BatchEnd> {
  const { ranges, token } = resumed ?? fixBatch(stream);
  const events = sends.map(({ delivery }) => delivery);
  return tryUntilDone(stream, { events, token, replayId: stream.context.replayId, ranges });
}

/** From here on the batch is the same at every attempt, also after a crash. */
function fixBatch(stream: LogOrderState): Intent {
  const { context, scope } = stream;
  const ranges = gatheredRanges(stream);
  const intent = { token: keyOf([scope, JSON.stringify(ranges)]), ranges };
  context.state.setIntent(context.stream, intent);
  return intent;
}

/** Every event of it came to an end. */
function finishBatch(stream: LogOrderState, settled: SettledBatch): void {
  const newestMs = newestGathered(stream);
  commitBatch(stream, settled);
  accountUpTo(stream, newestMs);
  liftRecordsMax(stream);
}

function commitBatch(stream: LogOrderState, { counts, dead }: SettledBatch): void {
  const { ends } = stream.gathering;
  commitStep(stream, {
    cursors: ends,
    counts: sumCounts(counts),
    dead,
    endsIntent: ends.size > 0,
  });
  startGathering(stream);
}

/** Smaller and smaller batches find the record that the destination cannot bear. */
function cutBatch(stream: LogOrderState, routed: RoutedBatch): void {
  const { records } = stream.gathering;
  stream.defects = 0;
  if (records.length === 1) {
    commitBatch(stream, giveUpDefective(stream, routed));
    return;
  }
  stream.recordsMax = Math.max(1, Math.floor(records.length / CUT));
  abandonBatch(stream);
}

/** Its records go in another batch, under another token. */
function abandonBatch(stream: LogOrderState): void {
  const { state, stream: name } = stream.context;
  state.setIntent(name, null);
  gatherAgain(stream);
}
