/** Events that waited: those that are due go back into lanes, those that expired are given up. */
import { EXPIRED, UNREADABLE } from '../streams/delivery-failures.ts';
import { accountFiltered } from '../streams/stream-accounts.ts';
import { readWaiting } from '../streams/stream-reading.ts';
import { isStopping } from '../streams/stream-state.ts';
import { buryWaiting, settleWaiting } from './item-outcomes.ts';
import { enqueue } from './user-lanes.ts';
import { itemOfWaiting } from './user-order-item.ts';
import { roomToRetry } from './user-order-state.ts';
import type { UserOrderState } from './user-order-state.ts';

/** Brings back what is due for another attempt. */
export async function retryDue(stream: UserOrderState): Promise<void> {
  const { breaker, clock } = stream.context;
  if (stream.isPaused || isStopping(stream) || !breaker.mayCall()) return;
  for (const row of stream.waiting.takeDue(clock.wallMs(), roomToRetry(stream))) {
    const event = await readWaiting(stream, row);
    if (!event) {
      buryWaiting(stream, row, null, UNREADABLE);
      continue;
    }
    const item = itemOfWaiting(stream, event, row);
    if (typeof item !== 'string') {
      enqueue(stream.lanes, item);
      continue;
    }
    const count = accountFiltered(stream, event, item);
    settleWaiting(stream, row, { kind: 'counted', count });
  }
}

/** What waits in vain: the log does not keep it any longer. */
export async function expireWaiting(stream: UserOrderState): Promise<void> {
  for (const [partition, before] of stream.expiredTo) {
    const rows = stream.waiting.takeAll(
      (row) => row.body === null && row.partition === partition && row.position < before,
    );
    for (const row of rows) {
      const event = await readWaiting(stream, row);
      buryWaiting(stream, row, event, row.failure ?? EXPIRED);
    }
  }
}
