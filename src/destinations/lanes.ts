/** Users side by side, and the events of each one after the other. */
import type { DeliveryOutcome } from './destination-contract.ts';

/** What tells whose event it is. */
export interface LaneEvent {
  sourceId: string;
  userId: string | null;
  anonymousId: string | null;
  idempotencyKey: string;
}

/**
 * Sends every event and returns the outcomes in order. When one has to wait, so do those of its
 * user behind it, with the same outcome. An event without a user is on its own.
 */
export async function inLanes<Event extends LaneEvent>(
  events: readonly Event[],
  send: (event: Event, place: number) => Promise<DeliveryOutcome>,
): Promise<DeliveryOutcome[]> {
  const lanes = new Map<string, [place: number, event: Event][]>();
  for (const [place, event] of events.entries()) {
    const { sourceId, userId, anonymousId, idempotencyKey } = event;
    // The same key as in the engine's own order.
    const user = anonymousId ?? userId;
    const key = user === null ? `event/${idempotencyKey}` : `user/${sourceId}/${user}`;
    const lane = lanes.get(key);
    if (lane) lane.push([place, event]);
    else lanes.set(key, [[place, event]]);
  }
  const outcomes: DeliveryOutcome[] = [];
  const run = async (lane: readonly (readonly [number, Event])[]): Promise<void> => {
    let blocked: DeliveryOutcome | null = null;
    for (const [place, event] of lane) {
      const outcome: DeliveryOutcome = blocked ?? (await send(event, place));
      if (outcome.kind === 'retry') blocked = outcome;
      outcomes[place] = outcome;
    }
  };
  await Promise.all([...lanes.values()].map(run));
  return outcomes;
}
