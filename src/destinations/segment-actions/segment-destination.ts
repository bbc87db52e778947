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
import { outcomeOfAnswer, outcomeOfError } from '../http-outcome.ts';
import type { ActionFailure, ActionResult, ActionsTarget } from './actions-messages.ts';
import type { ActionsPool, CallOptions } from './actions-pool.ts';
import type { SegmentDestination } from './catalogue.ts';
import { openRenewedOauth } from './renewed-oauth.ts';
import type { RenewedOauth } from './renewed-oauth.ts';
import type { SegmentAction } from './segment-shapes.ts';
import type { SegmentSettings, Subscription } from './segment-settings.ts';

interface Trigger extends Subscription {
  matches: FqlPredicate;
  isBatch: boolean;
}

type Retry = Extract<DeliveryOutcome, { kind: 'retry' }>;

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

interface OpenSegment {
  readonly target: Omit<ActionsTarget, 'renewedOauth'>;
  readonly renewed: RenewedOauth;
  readonly triggers: readonly Trigger[];
  readonly context: DestinationContext;
  readonly pool: ActionsPool;
}

/** Opens a destination whose settings have been checked. @param pool closed with it. */
export function createSegmentDestination(
  destination: SegmentDestination,
  parsed: SegmentSettings,
  context: DestinationContext,
  pool: ActionsPool,
): Destination {
  const target = {
    destinationId: context.destinationId,
    slug: destination.slug,
    folder: destination.folder,
    settings: parsed.settings,
    oauth: parsed.oauth,
  };
  const triggers = parsed.subscriptions.map((each) => triggerOf(destination, each));
  const renewed = openRenewedOauth(parsed.oauth, context);
  const open: OpenSegment = { target, renewed, triggers, context, pool };
  return {
    accepts: ({ message }) =>
      triggers.some((trigger) => isMatch(trigger, message)) ? null : 'NO_MATCHING_SUBSCRIPTION',
    deliver: ({ events }, signal) => runTriggers(open, events, signal),
    ...(destination.hasTest && {
      async test(signal: AbortSignal) {
        const problem = await pool.call('test', targetOf(open), callOptions(open, signal));
        if (problem !== null) throw new MillraceError('DESTINATION_TEST_FAILED', problem);
      },
    }),
    ...(destination.hasDelete && {
      async deleteUsers(userIds: readonly string[], signal: AbortSignal) {
        const problem = await pool.call(
          'delete',
          { ...targetOf(open), userIds },
          callOptions(open, signal),
        );
        if (problem !== null) throw new MillraceError('UNAVAILABLE', problem);
      },
    }),
    close: () => pool.close(),
  };
}

/** With the newest tokens: the thread may have ended since they were renewed. */
function targetOf({ target, renewed }: OpenSegment): ActionsTarget {
  return { ...target, renewedOauth: renewed.newest() };
}

function callOptions({ context, renewed }: OpenSegment, signal: AbortSignal): CallOptions {
  return { net: context.net, signal, onRenewed: renewed.keep };
}

function triggerOf({ actions }: SegmentDestination, subscription: Subscription): Trigger {
  const action = actions[subscription.partnerAction];
  const isBatch = action !== undefined && sendsBatches(action, subscription.mapping);
  return { ...subscription, matches: compileFql(subscription.subscribe), isBatch };
}

/** Runs every action that an event causes; a user's next events wait for those of the first. */
async function runTriggers(
  open: OpenSegment,
  events: readonly DeliveryEvent[],
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const items = events.map((event) => itemOf(event, open.triggers));
  const failedUsers = new Set<string>();
  for (const wave of wavesOf(items)) {
    for (const item of wave) {
      if (failedUsers.has(item.user)) item.retry = BEHIND;
      else if (signal.aborted) item.retry = LATE;
    }
    const going = wave.filter(({ retry }) => retry === null);
    for (const trigger of open.triggers) {
      const some = going.filter(({ todo }) => todo.includes(trigger));
      if (some.length > 0) await runTrigger(open, trigger, some, items, signal);
    }
    for (const { user, retry } of wave) if (retry) failedUsers.add(user);
  }
  return items.map(outcomeOf);
}

/** @param some of all the events of the batch: those that cause the action. */
async function runTrigger(
  open: OpenSegment,
  trigger: Trigger,
  some: readonly Item[],
  all: readonly Item[],
  signal: AbortSignal,
): Promise<void> {
  const { partnerAction, mapping, isBatch } = trigger;
  const given = some.map(({ event }) => event.message);
  const { context, pool } = open;
  const work = { ...targetOf(open), partnerAction, mapping, isBatch, events: given };
  try {
    const results = await pool.call('run', work, callOptions(open, signal));
    const wallMs = context.clock.wallMs();
    some.forEach((item, at) => note(item, trigger, results[at], wallMs));
  } catch (error) {
    // Thrown on, the engine tries each event alone, which finds the one that ends the thread;
    // but what others have done must not be done again.
    if (all.length > 1 && all.every(({ done }) => done.length === 0)) throw error;
    for (const item of some) item.retry ??= defect(toError(error).message);
  }
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

function defect(message: string): Retry {
  return { kind: 'retry', scope: 'event', reason: 'DESTINATION_DEFECT', message };
}

type Failed = Retry | Extract<DeliveryOutcome, { kind: 'dead' }>;

/** The one policy of http-outcome.ts; a wrong payload is wrong for ever. */
function outcomeOfFailure(failure: ActionFailure, wallMs: number): Failed {
  const { cause, message, status, response } = failure;
  if (cause === 'payload') {
    return { kind: 'dead', reason: 'PAYLOAD_INVALID', message, status, response };
  }
  const outcome = retryOfFailure(failure, wallMs);
  return outcome.kind === 'retry' || outcome.kind === 'dead' ? outcome : defect(message);
}

function retryOfFailure(failure: ActionFailure, wallMs: number): DeliveryOutcome {
  const { cause, message, status, response = '', retryAfter, code } = failure;
  if (cause === 'status' && status !== undefined) {
    const headers: Record<string, string> = retryAfter ? { 'retry-after': retryAfter } : {};
    const body = Buffer.from(response);
    const answer = { status, headers, body, isTruncated: false };
    const outcome = outcomeOfAnswer(answer, { wallMs, events: 1 });
    if (!('message' in outcome) || message === '') return outcome;
    return { ...outcome, message: `${outcome.message}: ${message}` };
  }
  if (cause === 'net') {
    const known = code === 'ADDRESS_REFUSED' ? code : 'NET_FAILED';
    return outcomeOfError(new MillraceError(known, message));
  }
  if (cause === 'credentials') {
    return { kind: 'retry', scope: 'destination', reason: 'CREDENTIALS_REFUSED', message };
  }
  if (cause === 'timeout') {
    return { kind: 'retry', scope: 'destination', reason: 'TIMEOUT', message };
  }
  if (cause === 'retryable') {
    return { kind: 'retry', scope: 'event', reason: 'HTTP_STATUS', message };
  }
  return defect(message);
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
