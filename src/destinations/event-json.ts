/** Events as the JSON that services are sent. */
import { toError } from '../base/errors.ts';
import type { DeliveryEvent, DeliveryOutcome } from '../deliver/contract.ts';

/**
 * One text per event, and an outcome for those that cannot be written (nested deeper than the
 * stack). Lone surrogates become escapes, which every parser takes.
 */
export interface WrittenEvents {
  texts: string[];
  events: DeliveryEvent[];
  /** By place; undefined for those that are in `texts`. */
  failures: (DeliveryOutcome | undefined)[];
}

/** @param messageOf what is sent of an event; by default its message. */
export function writeEvents(
  events: readonly DeliveryEvent[],
  messageOf: (event: DeliveryEvent) => unknown = ({ message }) => message,
): WrittenEvents {
  const written: WrittenEvents = { texts: [], events: [], failures: [] };
  for (const event of events) {
    try {
      written.texts.push(JSON.stringify(messageOf(event)));
      written.events.push(event);
      written.failures.push(undefined);
    } catch (error) {
      const message = `the event cannot be written as JSON: ${toError(error).message}`;
      written.failures.push({ kind: 'dead', reason: 'PAYLOAD_INVALID', message });
    }
  }
  return written;
}

/** Puts the outcomes of what was sent between the failures, in the order of the events. */
export function mergeOutcomes(
  { failures }: WrittenEvents,
  sent: readonly DeliveryOutcome[],
): DeliveryOutcome[] {
  const outcomes = sent.values();
  return failures.map((failure) => {
    if (failure) return failure;
    const { value } = outcomes.next();
    if (!value) throw new Error('an event was sent without an outcome');
    return value;
  });
}
