/** What one request and one event may be. Bytes are measured uncompressed (seed: Rate Limits). */
export interface EventLimits {
  requestBytesMax: number;
  eventBytesMax: number;
  batchEventsMax: number;
  /** Keys of `properties` or `traits`. */
  propertiesMax: number;
  /** Nesting of objects and arrays in an event. */
  depthMax: number;
  /** Keys of an event, at any depth. */
  keysMax: number;
  messageIdCharsMax: number;
}

export const DEFAULT_EVENT_LIMITS: EventLimits = {
  requestBytesMax: 512_000,
  eventBytesMax: 32_768,
  batchEventsMax: 2_500,
  propertiesMax: 10_000,
  depthMax: 64,
  keysMax: 20_000,
  messageIdCharsMax: 100,
};
