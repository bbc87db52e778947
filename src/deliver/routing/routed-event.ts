/** A stored event as one destination gets it; what it does not ask for is not made. */
import type { JsonObject } from '../../events/json.ts';
import type { StoredEvent } from '../../events/raw-event.ts';
import type { EventType } from '../../events/routes.ts';
import type { DeliveryEvent } from '../../destinations/destination-contract.ts';
import { keyOf } from '../idempotency-key.ts';
import type { WaitingEvent } from '../state/delivery-rows.ts';

export interface SourceName {
  id: string;
  slug: string;
}

/**
 * @param changed the message after destination filters, as `parseExact` reads it; null: as it was
 *   stored.
 * @param scope what its key belongs to: the destination, and the replay if it is one.
 */
export function deliveryEventOf(
  event: StoredEvent,
  changed: JsonObject | null,
  source: SourceName,
  scope: string,
  waiting: WaitingEvent | null,
): DeliveryEvent {
  return new RoutedEvent(event, changed, source, scope, waiting);
}

class RoutedEvent implements DeliveryEvent {
  readonly partition: string;
  readonly position: number;
  readonly index: number;
  readonly sourceNumber: number;
  readonly sourceSlug: string;
  readonly sourceId: string;
  readonly type: EventType;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  readonly receivedAtMs: number;
  readonly attempts: number;
  readonly progress: string | null;
  readonly #event: StoredEvent;
  readonly #changed: JsonObject | null;
  readonly #scope: string;
  #idempotencyKey: string | undefined;
  #json: Buffer | undefined;
  #message: JsonObject | undefined;

  constructor(
    event: StoredEvent,
    changed: JsonObject | null,
    { id, slug }: SourceName,
    scope: string,
    waiting: WaitingEvent | null,
  ) {
    this.partition = event.partition;
    this.position = event.position;
    this.index = event.index;
    this.sourceNumber = event.sourceNumber;
    this.sourceSlug = slug;
    this.sourceId = id;
    this.type = event.type;
    this.userId = event.userId;
    this.anonymousId = event.anonymousId;
    this.receivedAtMs = event.receivedAtMs;
    this.attempts = waiting?.attempts ?? 0;
    this.progress = waiting?.progress ?? null;
    this.#event = event;
    this.#changed = changed;
    this.#scope = scope;
  }

  get messageId(): string {
    return this.#event.messageId;
  }

  get timestampMs(): number {
    return this.#event.timestampMs;
  }

  get message(): JsonObject {
    if (this.#changed === null) return this.#event.message;
    this.#message ??= JSON.parse(this.json.toString()) as JsonObject;
    return this.#message;
  }

  get json(): Buffer {
    if (this.#json === undefined) {
      const { json } = this.#event;
      this.#json =
        this.#changed === null
          ? Buffer.from(json.buffer, json.byteOffset, json.byteLength)
          : Buffer.from(JSON.stringify(this.#changed));
    }
    return this.#json;
  }

  get idempotencyKey(): string {
    this.#idempotencyKey ??= keyOf([this.#scope, this.sourceNumber, this.messageId]);
    return this.#idempotencyKey;
  }
}
