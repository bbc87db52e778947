/** Events as the engine hands them to destinations, ordinary and strange, and their context. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { netSchema } from '../../src/config/net-schema.ts';
import type {
  DeliveryBatch,
  DeliveryEvent,
  DestinationContext,
} from '../../src/destinations/destination-contract.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { EVENT_TYPES } from '../../src/events/routes.ts';
import type { EventType } from '../../src/events/routes.ts';
import { createNet } from '../../src/net/guarded-net.ts';
import { createLogger } from '../../src/observe/logger.ts';

export const PARTITION = 'us-0';
const RECEIVED_AT_MS = Date.parse('2026-03-04T05:06:07.890Z');
const SOURCE_NUMBER = 7;

let nextPosition = 1;

/** What a builder may be told; the rest is made up. */
export interface EventOptions {
  type?: EventType;
  messageId?: string;
  userId?: string | null;
  anonymousId?: string | null;
  attempts?: number;
  progress?: string | null;
  receivedAtMs?: number;
  timestampMs?: number;
  /** Over the message that is made up. */
  message?: JsonObject;
}

/** One event, frozen to its depths: a destination that changes it fails. */
export function deliveryEvent(options: EventOptions = {}): DeliveryEvent {
  const position = nextPosition++;
  const { type = 'track', userId = `user-${position % 3}`, anonymousId = null } = options;
  const messageId = options.messageId ?? `message-${process.pid}-${position}`;
  const receivedAtMs = options.receivedAtMs ?? RECEIVED_AT_MS + position;
  const timestampMs = options.timestampMs ?? receivedAtMs - 250;
  const message: JsonObject = {
    ...bodyOf(type, position),
    type,
    messageId,
    ...(userId === null ? {} : { userId }),
    ...(anonymousId === null ? {} : { anonymousId }),
    channel: 'server',
    context: { library: { name: 'test', version: '1.0.0' }, ip: '198.51.100.7' },
    integrations: {},
    timestamp: new Date(timestampMs).toISOString(),
    originalTimestamp: new Date(timestampMs - 3_600_000).toISOString(),
    sentAt: new Date(receivedAtMs - 3_600_000).toISOString(),
    receivedAt: new Date(receivedAtMs).toISOString(),
    version: 2,
    ...options.message,
  };
  return deepFreeze({
    partition: PARTITION,
    position,
    index: 0,
    sourceNumber: SOURCE_NUMBER,
    sourceSlug: 'shop',
    sourceId: 'source-7',
    type,
    messageId,
    userId,
    anonymousId,
    receivedAtMs,
    timestampMs,
    message,
    idempotencyKey: digestOf(`${PARTITION}/${position}/0`),
    attempts: options.attempts ?? 0,
    progress: options.progress ?? null,
  });
}

/** Events of every type in turn. */
export function deliveryEvents(count: number): DeliveryEvent[] {
  return Array.from({ length: count }, (_, at) => {
    const type = EVENT_TYPES[at % EVENT_TYPES.length] ?? 'track';
    return deliveryEvent({ type });
  });
}

/** The same events make the same token, as the engine's do. */
export function batchOf(
  events: readonly DeliveryEvent[],
  options: { replayId?: string | null } = {},
): DeliveryBatch {
  const positions = events.map(({ position }) => position);
  const from = Math.min(...positions);
  return {
    events,
    token: digestOf(events.map(({ idempotencyKey }) => idempotencyKey).join()),
    replayId: options.replayId ?? null,
    ranges: [{ partition: PARTITION, from, to: Math.max(...positions) + 1 }],
  };
}

/** Legal events that have broken a pipeline somewhere, by what is strange about them. */
export function strangeEvents(): [what: string, event: DeliveryEvent][] {
  const track = (what: string, properties: unknown, more: JsonObject = {}) =>
    [what, deliveryEvent({ message: { properties, ...more } })] as [string, DeliveryEvent];
  const manyKeys = Array.from({ length: 1_000 }, (_, at) => [`key ${at}`, at]);
  return [
    track('unicode', { text: 'Grüße 你好 👩‍👩‍👧 \u202Eabc \u2028\u2029 é', ключ: 1, '🔑': 2 }),
    track('lone surrogates', { text: 'a\ud800b\udc00', 'k\ud800': 1 }, { event: 'x\udfff' }),
    track('NUL characters', { text: 'a\0b', 'k\0y': '\0' }, { event: 'x\0y' }),
    track('control characters', { text: '\x01\x1b[31m\r\n\t\x7f', '\r\n': 1 }),
    track(
      'keys of the prototype',
      JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2}'),
    ),
    track('empty and clashing keys', { '': 1, ' ': 2, 'A b': 3, a_b: 4, 'a-b': 5, aB: 6 }),
    track('numbers at the edges', {
      a: 1e308,
      b: -1e308,
      c: 5e-324,
      d: -0,
      e: 2 ** 53 + 2,
      f: 0.1,
    }),
    track('an integer beyond 64 bits', { a: 18_446_744_073_709_551_616, b: -1e19 }),
    track('depth', nested(40)),
    track('arrays of anything', { list: [1, 'a', null, [[]], {}, [{ a: [null] }], true] }),
    track('types that change', { value: 1 }),
    track('types that change again', { value: 'one' }),
    track('types that change once more', { value: { a: [1] } }),
    track('a long text', { text: 'ß'.repeat(12_000) }),
    track('many keys', Object.fromEntries(manyKeys)),
    track('null and nothing', { a: null, b: {}, c: [], d: '' }),
    track('names of columns', { id: 'x', user_id: 'y', received_at: 1, uuid: [], event: {} }),
    track('SQL', { text: `'; drop table users; --`, 'k\'"`;': '\\' }, { event: 'a"b;--' }),
    track('a long event name', {}, { event: 'e'.repeat(1_000) }),
    track('no properties', undefined),
    ['no user', deliveryEvent({ userId: null, anonymousId: 'anonymous-1' })],
    ['the year 1', deliveryEvent({ timestampMs: Date.parse('0001-01-01T00:00:00.000Z') + 3.6e6 })],
    ['the year 9999', deliveryEvent({ timestampMs: Date.parse('9999-12-31T23:59:59.999Z') })],
  ];
}

/** A context like the engine's; `close` ends its connections and removes its folder. */
export async function destinationContext(
  options: { allow?: string[]; net?: Record<string, unknown> } & Partial<DestinationContext> = {},
): Promise<{ context: DestinationContext; close(): Promise<void> }> {
  const { allow = ['127.0.0.1'], net: netSettings = {}, ...given } = options;
  const net = createNet({
    settings: netSchema.parse({ allow, ...netSettings }),
    clock: systemClock,
  });
  const temporaryFolder = await mkdtemp(join(tmpdir(), 'millrace-destination-'));
  const context: DestinationContext = {
    destinationId: 'destination-1',
    slug: 'under-test',
    region: 'us',
    clock: systemClock,
    random: systemRandom,
    logger: createLogger('destination', 'silent'),
    net,
    temporaryFolder,
    keptTokens: () => undefined,
    keepTokens: () => undefined,
    sources: () => new Map([[SOURCE_NUMBER, { id: 'source-7', slug: 'shop', name: 'Shop' }]]),
    ...given,
  };
  const close = async (): Promise<void> => {
    await net.close();
    await rm(temporaryFolder, { recursive: true, force: true });
  };
  return { context, close };
}

function bodyOf(type: EventType, position: number): JsonObject {
  if (type === 'track') {
    return { event: 'Order Completed', properties: { revenue: 19.9, orderId: `o-${position}` } };
  }
  if (type === 'identify') return { traits: { email: 'ada@example.com', plan: 'pro' } };
  if (type === 'group') return { groupId: 'group-1', traits: { name: 'Example', employees: 12 } };
  if (type === 'alias') return { previousId: `anonymous-${position}` };
  return { name: 'Home', properties: { path: '/', title: 'Home' } };
}

/** Every other step is two levels; events may have 64 (`limits.depthMax`). */
function nested(depth: number): JsonObject {
  let value: JsonObject = { end: true };
  for (let at = 0; at < depth; at++) value = at % 2 === 0 ? { list: [value] } : { inner: value };
  return value;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
