/**
 * Calls what a module exports: `deliver`, or handlers in the style of Segment's functions. Runs in
 * the thread of the module.
 */
import type { DeliveryOutcome } from '../destination-contract.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { inLanes } from '../lanes.ts';
import type { ModuleCalls, PackedEvent } from './module-messages.ts';
import { outcomeOfReturned, outcomeOfThrown } from './module-outcomes.ts';

/** What `deliver` and `accepts` get. */
interface ModuleEvent extends Omit<PackedEvent, 'text'> {
  message: JsonObject;
}

/** What every call gets beside its events. */
interface ModuleContext {
  settings: JsonObject;
  signal: AbortSignal;
  fetch: typeof fetch;
}

type Callable = (...given: unknown[]) => unknown;

export type ModuleRunner = {
  [Name in keyof ModuleCalls]: (
    input: ModuleCalls[Name]['input'],
    signal: AbortSignal,
  ) => Promise<ModuleCalls[Name]['output']>;
};

const HANDLERS = {
  track: 'onTrack',
  identify: 'onIdentify',
  page: 'onPage',
  screen: 'onScreen',
  group: 'onGroup',
  alias: 'onAlias',
} as const;
const DELIVERING = ['deliver', 'onBatch', ...Object.values(HANDLERS)];

/**
 * @param exported what the module exports, by name.
 * @throws TypeError when none of it can deliver anything.
 */
export function createModuleRunner(
  exported: Readonly<Record<string, unknown>>,
  given: Omit<ModuleContext, 'signal'>,
): ModuleRunner {
  const find = (name: string): Callable | undefined => {
    const value = exported[name];
    return typeof value === 'function' ? (value as Callable) : undefined;
  };
  if (!DELIVERING.some((name) => find(name))) {
    throw new TypeError(`the module exports none of ${DELIVERING.join(', ')}`);
  }
  const { settings } = given;
  const accepts = find('accepts');
  return {
    async deliver(packed, signal) {
      const context = { ...given, signal };
      const events = packed.map(({ text, ...event }): ModuleEvent => {
        return { ...event, message: JSON.parse(text) as JsonObject };
      });
      const outcomes: DeliveryOutcome[] = [];
      const places: number[] = [];
      for (const [place, event] of events.entries()) {
        const refusal = await refusalOf(event, accepts);
        if (refusal) outcomes[place] = refusal;
        else places.push(place);
      }
      const accepted = places.flatMap((place) => events[place] ?? []);
      const sent = await deliverAccepted(accepted, find, context);
      for (const [at, outcome] of sent.entries()) outcomes[places[at] ?? 0] = outcome;
      return outcomes;
    },
    async test(_, signal) {
      await find('test')?.({ ...given, signal });
      return null;
    },
    async deleteUsers({ userIds, messages }, signal) {
      const deleteUsers = find('deleteUsers');
      if (deleteUsers) await deleteUsers(userIds, { ...given, signal });
      else for (const message of messages) await find('onDelete')?.(message, settings);
      return null;
    },
  };
}

async function refusalOf(
  event: ModuleEvent,
  accepts: Callable | undefined,
): Promise<DeliveryOutcome | null> {
  if (!accepts) return null;
  try {
    if (await accepts(event)) return null;
    const message = 'the module does not accept it';
    return { kind: 'filtered', reason: 'FILTERED_BY_DESTINATION', message };
  } catch (error) {
    return outcomeOfThrown(error, 1);
  }
}

async function deliverAccepted(
  events: readonly ModuleEvent[],
  find: (name: string) => Callable | undefined,
  context: ModuleContext,
): Promise<DeliveryOutcome[]> {
  if (events.length === 0) return [];
  const { settings } = context;
  const deliver = find('deliver');
  const onBatch = find('onBatch');
  if (deliver) return together(events, () => deliver(events, context));
  if (onBatch) {
    const messages = events.map(({ message }) => message);
    return together(events, () => onBatch(messages, settings));
  }
  const keyed = events.map((event) => ({ event, ...idsOf(event) }));
  return inLanes(keyed, async ({ event }) => {
    const { message } = event;
    const type = message['type'] as keyof typeof HANDLERS;
    const handler = find(HANDLERS[type]);
    if (!handler) {
      const why = `the module has no ${HANDLERS[type]}`;
      return { kind: 'filtered', reason: 'EVENT_TYPE_UNSUPPORTED', message: why };
    }
    try {
      await handler(message, settings);
      return { kind: 'delivered' };
    } catch (error) {
      return outcomeOfThrown(error, 1);
    }
  });
}

/** One call for all events; what it returns is nothing, or a list with something for each. */
async function together(
  events: readonly ModuleEvent[],
  call: () => unknown,
): Promise<DeliveryOutcome[]> {
  let returned: unknown;
  try {
    returned = await call();
  } catch (error) {
    const outcome = outcomeOfThrown(error, events.length);
    return events.map(() => outcome);
  }
  if (returned === undefined || returned === null) return events.map(() => ({ kind: 'delivered' }));
  if (!Array.isArray(returned) || returned.length !== events.length) {
    throw new TypeError(`the module returned no list of ${events.length} outcomes`);
  }
  return returned.map(outcomeOfReturned);
}

function idsOf({ message, source, idempotencyKey }: ModuleEvent) {
  const { userId, anonymousId } = message;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    sourceId: source.id,
    userId: text(userId),
    anonymousId: text(anonymousId),
    idempotencyKey,
  };
}

/** Everything that a module exports, also as `module.exports` or a default. */
export function exportsOf(namespace: unknown): Record<string, unknown> {
  if (!isObject(namespace)) return {};
  const { default: whole, ...named } = namespace;
  return { ...(isObject(whole) ? whole : {}), ...named };
}
