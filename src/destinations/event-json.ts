/** Events as the JSON that services are sent. */
import { toError } from '../base/errors.ts';
import { parseExact } from '../events/exact-json.ts';
import type { JsonObject } from '../events/json.ts';
import type { DeliveryEvent, DeliveryOutcome } from './destination-contract.ts';

/**
 * One text per event, in UTF-8, and an outcome for those that cannot be written (nested deeper than
 * the stack). What was sent is in them as it was sent, unless filters changed the event; then lone
 * surrogates become escapes, which every parser takes.
 */
export interface WrittenEvents {
  texts: Buffer[];
  events: DeliveryEvent[];
  /** By place; undefined for those that are in `texts`. */
  failures: (DeliveryOutcome | undefined)[];
}

/** The messages of events as JSON. */
export function writeEvents(events: readonly DeliveryEvent[]): WrittenEvents {
  const written: WrittenEvents = { texts: [], events: [], failures: [] };
  for (const event of events) {
    try {
      written.texts.push(jsonOf(event));
      written.events.push(event);
      written.failures.push(undefined);
    } catch (error) {
      const message = `the event cannot be written as JSON: ${toError(error).message}`;
      written.failures.push({ kind: 'dead', reason: 'PAYLOAD_INVALID', message });
    }
  }
  return written;
}

function jsonOf(event: DeliveryEvent): Buffer {
  const { json } = event;
  // To ask for the message is to parse it.
  if (json === undefined) return Buffer.from(JSON.stringify(event.message));
  return Buffer.from(json.buffer, json.byteOffset, json.byteLength);
}

/** The message as values of which no number changes, unless filters have printed it anew. */
export function exactMessage(event: DeliveryEvent): JsonObject {
  // To ask for the message is to parse it.
  return event.json === undefined ? event.message : (parseExact(event.json) as JsonObject);
}

/** Texts with something before, between and behind them. */
export function joinTexts(
  texts: readonly Uint8Array[],
  { before, between, behind }: { before: string; between: string; behind: string },
): Buffer {
  const bytes = texts.reduce((sum, text) => sum + text.length, 0);
  const gaps = Math.max(0, texts.length - 1) * between.length;
  // Punctuation is ASCII: a byte for each character.
  const joined = Buffer.allocUnsafe(before.length + bytes + gaps + behind.length);
  let at = joined.write(before, 'latin1');
  for (const [place, text] of texts.entries()) {
    if (place > 0) at += joined.write(between, at, 'latin1');
    joined.set(text, at);
    at += text.length;
  }
  joined.write(behind, at, 'latin1');
  return joined;
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
