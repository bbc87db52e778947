/**
 * An open destination of Segment's: triggers are judged here, actions run in the thread of
 * actions-pool.ts. An event can cause several actions; those that are done are remembered in its
 * progress, so that the next attempt runs only the others.
 */
import { MillraceError, toError } from '../../base/errors.ts';
import type {
  DeliveryEvent,
  DeliveryOutcome,
  Destination,
  DestinationContext,
} from '../destination-contract.ts';
import { compileFql } from '../../fql/fql.ts';
import type { FqlPredicate } from '../../fql/fql.ts';
import { FqlRunError } from '../../fql/fql-functions.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { defect, outcomeOfFailure } from './action-outcomes.ts';
import type { Retry } from './action-outcomes.ts';
import type { ActionResult, ActionsTarget } from './actions-messages.ts';
import type { ActionsPool } from './actions-pool.ts';
import type { SegmentAction, SegmentDestination } from './catalogue.ts';
import type { SegmentSettings, Subscription } from './segment-settings.ts';

interface Trigger extends Subscription {
  matches: FqlPredicate;
  isBatch: boolean;
}

/** What became of the actions of an event so far. */
interface Item {
  event: DeliveryEvent;
  user: string;
  /** Triggers that match and are not done. */
  todo: Trigger[];
  done: string[];
  /** The first action that will never succeed; the others still run. */
  dead: Dead | null;
  /** Why the event has to come again. */
  retry: Retry | null;
  status: number | undefined;
  response: string | undefined;
}

type Dead = Pick<
  Extract<DeliveryOutcome, { kind: 'dead' }>,
  'reason' | 'message' | 'status' | 'response'
>;

interface SegmentState {
  target: ActionsTarget;
  triggers: readonly Trigger[];
  context: DestinationContext;
  pool: ActionsPool;
}

/** Opens a destination whose settings have been checked. @param pool closed with it. */
export function createSegmentDestination(
  destination: SegmentDestination,
  { settings, oauth, subscriptions }: SegmentSettings,
  context: DestinationContext,
  pool: ActionsPool,
): Destination {
  const { slug, folder, hasTest, hasDelete } = destination;
  const { net, destinationId } = context;
  const target: ActionsTarget = { destinationId, slug, folder, settings, oauth };
  const triggers = subscriptions.map((each) => triggerOf(destination, each));
  const state: SegmentState = { target, triggers, context, pool };
  const test = async (signal: AbortSignal): Promise<void> => {
    const problem = await pool.call('test', target, { net, signal });
    if (problem !== null) throw new MillraceError('DESTINATION_TEST_FAILED', problem);
  };
  const deleteUsers = async (userIds: readonly string[], signal: AbortSignal): Promise<void> => {
    const problem = await pool.call('delete', { ...target, userIds }, { net, signal });
    if (problem !== null) throw new MillraceError('UNAVAILABLE', problem);
  };
  return {
    accepts: ({ message }) =>
      triggers.some((trigger) => isMatch(trigger, message)) ? null : 'NO_MATCHING_SUBSCRIPTION',
    deliver: ({ events }, signal) => deliver(state, events, signal),
    ...(hasTest ? { test } : {}),
    ...(hasDelete ? { deleteUsers } : {}),
    close: () => pool.close(),
  };
}

function triggerOf({ actions }: SegmentDestination, subscription: Subscription): Trigger {
  const action = actions[subscription.partnerAction];
  const isBatch = action !== undefined && sendsBatches(action, subscription.mapping);
  return { ...subscription, matches: compileFql(subscription.subscribe), isBatch };
}

/** Actions that let one choose batch when they are asked to, the others unless they are not. */
function sendsBatches({ hasBatch, fields }: SegmentAction, mapping: JsonObject): boolean {
  const choice = mapping['enable_batching'] ?? !('enable_batching' in fields);
  return hasBatch && choice === true;
}

/** A trigger without an answer on an event does not match it. */
function isMatch({ matches }: Trigger, message: JsonObject): boolean {
  try {
    return matches(message);
  } catch (error) {
    if (error instanceof FqlRunError) return false;
    throw error;
  }
}

async function deliver(
  state: SegmentState,
  events: readonly DeliveryEvent[],
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const { triggers } = state;
  const items = events.map((event) => itemOf(event, triggers));
  const failedUsers = new Set<string>();
  for (const wave of wavesOf(items)) {
    for (const item of wave) {
      if (failedUsers.has(item.user)) item.retry = BEHIND;
      else if (signal.aborted) item.retry = LATE;
    }
    const going = wave.filter(({ retry }) => retry === null);
    for (const trigger of triggers) {
      const some = going.filter(({ todo }) => todo.includes(trigger));
      if (some.length > 0) await runTrigger(state, trigger, some, items, signal);
    }
    for (const { user, retry } of wave) if (retry) failedUsers.add(user);
  }
  return items.map(outcomeOf);
}

async function runTrigger(
  { target, pool, context }: SegmentState,
  trigger: Trigger,
  some: readonly Item[],
  all: readonly Item[],
  signal: AbortSignal,
): Promise<void> {
  const { partnerAction, mapping, isBatch } = trigger;
  const given = some.map(({ event }) => event.message);
  const work = { ...target, partnerAction, mapping, isBatch, events: given };
  try {
    const results = await pool.call('run', work, { net: context.net, signal });
    const wallMs = context.clock.wallMs();
    some.forEach((item, at) => note(item, trigger, results[at], wallMs));
  } catch (error) {
    // Thrown on, the engine tries each event alone, which finds the one that ends the thread;
    // but what others have done must not be done again.
    if (all.length > 1 && all.every(({ done }) => done.length === 0)) throw error;
    for (const item of some) item.retry ??= defect(toError(error).message);
  }
}

function itemOf(event: DeliveryEvent, triggers: readonly Trigger[]): Item {
  const { done, dead } = readProgress(event.progress);
  return {
    event,
    user: event.userId ?? event.anonymousId ?? event.messageId,
    todo: triggers.filter((each) => !done.includes(each.id) && isMatch(each, event.message)),
    done,
    dead,
    retry: null,
    status: undefined,
    response: undefined,
  };
}

function readProgress(text: string | null): Pick<Item, 'done' | 'dead'> {
  const value: unknown = text === null ? {} : JSON.parse(text);
  if (!isObject(value)) return { done: [], dead: null };
  const done = Array.isArray(value['done']) ? value['done'].map(String) : [];
  return { done, dead: (value['dead'] as Dead | undefined) ?? null };
}

/**
 * Events of a user stay in order: two of them share a wave only when they cause the same actions,
 * all in batches. Other users are not held up.
 */
function wavesOf(items: readonly Item[]): Item[][] {
  const waves: Item[][] = [];
  const lastOfUser = new Map<string, { wave: number; actions: string }>();
  for (const item of items) {
    if (item.todo.length === 0) continue;
    const last = lastOfUser.get(item.user);
    const isShared = item.todo.every(({ isBatch }) => isBatch);
    const actions = isShared ? item.todo.map(({ id }) => id).join() : '';
    const isSame = last !== undefined && isShared && last.actions === actions;
    const wave = last === undefined ? 0 : last.wave + (isSame ? 0 : 1);
    lastOfUser.set(item.user, { wave, actions });
    (waves[wave] ??= []).push(item);
  }
  return waves;
}

const BEHIND: Retry = {
  kind: 'retry',
  scope: 'event',
  reason: 'HTTP_STATUS',
  message: 'an event of the same user before it failed',
};

const LATE: Retry = {
  kind: 'retry',
  scope: 'event',
  reason: 'TIMEOUT',
  message: 'it was not its turn in time',
};

function note(
  item: Item,
  trigger: Trigger,
  result: ActionResult | undefined,
  wallMs: number,
): void {
  if (!result) {
    item.retry ??= defect('the action returned no result for the event');
    return;
  }
  if (result.kind === 'delivered') {
    item.done.push(trigger.id);
    item.status = result.status;
    item.response = result.response;
    return;
  }
  const outcome = outcomeOfFailure(result, wallMs);
  if (outcome.kind === 'retry') {
    item.retry ??= outcome;
    return;
  }
  item.done.push(trigger.id);
  const { reason, status, response } = outcome;
  item.dead ??= { reason, status, response, message: `${trigger.name}: ${outcome.message}` };
}

function outcomeOf({ event, done, dead, retry, status, response, todo }: Item): DeliveryOutcome {
  if (retry) {
    const hasProgress = done.length > 0 || dead !== null;
    return hasProgress ? { ...retry, progress: JSON.stringify({ done, dead }) } : retry;
  }
  if (dead) return { kind: 'dead', ...dead };
  if (todo.length === 0 && event.progress === null) {
    const message = 'no trigger of a subscription matches the event';
    return { kind: 'filtered', reason: 'NO_MATCHING_SUBSCRIPTION', message };
  }
  return { kind: 'delivered', status, response };
}
