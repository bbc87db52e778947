/**
 * What makes an event valid: the seed's shape, with Segment's reason codes (docs/errors.md lists
 * all). The first problem found is the answer; `field` is its path. Absent, `null` and the empty
 * text are equal. What can be read in another way than it was sent is no problem: repairs.ts.
 */
import type { Rejection } from './envelope.ts';
import { isAbsent, isObject, textOf } from './json.ts';
import type { JsonObject } from './json.ts';
import type { EventLimits } from './limits.ts';
import { isEmptyList, repairEvent } from './repairs.ts';
import { EVENT_TYPES } from './routes.ts';
import type { EventType } from './routes.ts';
import type { NumberText } from './sent-json.ts';

/** What is wrong with one event; its place in the batch is added by the caller. */
export type Problem = Pick<Rejection, 'code' | 'message' | 'field'>;

/** Tells consent choices; exempt from enforcement, so its own shape is checked (Segment docs). */
export const CONSENT_EVENT = 'Segment Consent Preference Updated';

const IDS = ['userId', 'anonymousId', 'groupId', 'previousId'] as const;
const OBJECTS = {
  properties: 'properties_not_object',
  traits: 'traits_not_object',
  context: 'context_not_object',
  integrations: 'integrations_not_object',
} as const;

export interface Judged {
  /** Undefined: the event is valid. */
  problem: Problem | undefined;
  /** The event as it is read. */
  event: unknown;
  /** Bits of the rules of repairs.ts that were needed. */
  rules: number;
}

/**
 * @param shared the batch, whose context lies under the event's own; or an empty object.
 * @param routeType type of a single-event route, which wins over the event's own; undefined in a
 *   batch, where each event names its type.
 */
export function judgeEvent(
  sent: unknown,
  shared: JsonObject,
  limits: EventLimits,
  routeType: EventType | undefined,
  numberText: NumberText,
): Judged {
  const refused = (found: Problem): Judged => ({ problem: found, event: sent, rules: 0 });
  if (!isObject(sent)) return refused(problem('bad_request', 'An event must be an object'));
  const type = routeType ?? sent['type'];
  if (!isEventType(type)) return refused(typeProblem(type));
  const whole = withShared(sent, shared);
  const tooMuch = checkShape(whole, limits);
  // Repairing may write down what is deep.
  if (tooMuch) return refused(tooMuch);
  const { event, rules } = repairEvent(sent, shared, numberText);
  const read = withShared(event, shared);
  const found =
    checkIds(read, type) ??
    checkName(read, type) ??
    checkObjects(read, limits) ??
    checkMessageId(read, limits) ??
    checkContext(read);
  return { problem: found, event, rules };
}

/** The event with the batch-level context under its own, which is what will be stored. */
function withShared(event: JsonObject, shared: JsonObject): JsonObject {
  const { context } = shared;
  if (!isObject(context)) return event;
  const own = event['context'];
  if (own !== '' && !isAbsent(own) && !isEmptyList(own) && !isObject(own)) return event;
  return { ...event, context: { ...context, ...(isObject(own) ? own : {}) } };
}

export function isEventType(value: unknown): value is EventType {
  return (EVENT_TYPES as readonly unknown[]).includes(value);
}

function typeProblem(type: unknown): Problem {
  if (isAbsent(type)) return problem('bad_request', 'Missing required field: type', 'type');
  return problem('bad_request', `type must be one of ${EVENT_TYPES.join(', ')}`, 'type');
}

/** Walks the whole event without recursion, so that no depth can exhaust the stack. */
function checkShape(event: JsonObject, limits: EventLimits): Problem | undefined {
  let keys = 0;
  let level: unknown[] = [event];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.depthMax) {
      return problem('too_deep', `An event may be nested ${limits.depthMax} levels deep`);
    }
    const next: unknown[] = [];
    for (const container of level) {
      const values = Array.isArray(container) ? container : Object.values(container as JsonObject);
      if (!Array.isArray(container)) keys += values.length;
      for (const value of values) if (typeof value === 'object' && value !== null) next.push(value);
    }
    if (keys > limits.keysMax) {
      return problem('too_many_keys', `An event may have ${limits.keysMax} keys`);
    }
    level = next;
  }
  return undefined;
}

function checkIds(event: JsonObject, type: EventType): Problem | undefined {
  for (const field of IDS) {
    const id = event[field];
    if (isAbsent(id) || typeof id === 'string') continue;
    return problem('id_not_string', `${field} must be a string or a number`, field);
  }
  const missing = (field: string): Problem =>
    problem('id_required', `Missing required field: ${field}`, field);
  if (type === 'alias') return isAbsent(event['previousId']) ? missing('previousId') : undefined;
  if (type === 'group') {
    return isAbsent(event['groupId']) && !namesGroup(event['context'])
      ? missing('groupId')
      : undefined;
  }
  if (!isAbsent(event['userId']) || !isAbsent(event['anonymousId'])) return undefined;
  return problem('no_user_anon_id', 'Missing required field: userId or anonymousId', 'userId');
}

/** Where else an event may say in which group its user is. */
function namesGroup(context: unknown): boolean {
  if (!isObject(context)) return false;
  const { groupId } = context;
  return typeof groupId === 'number' || textOf(groupId) !== null;
}

function checkName(event: JsonObject, type: EventType): Problem | undefined {
  if (type === 'track') {
    const name = event['event'];
    if (isAbsent(name)) {
      return problem('event_not_defined', 'Missing required field: event', 'event');
    }
    if (typeof name === 'string') return undefined;
    return problem('event_not_string', 'event must be a string', 'event');
  }
  if (type !== 'page' && type !== 'screen') return undefined;
  for (const field of ['name', 'category']) {
    const value = event[field];
    if (isAbsent(value) || typeof value === 'string') continue;
    return problem(`${field}_not_string`, `${field} must be a string`, field);
  }
  return undefined;
}

function checkObjects(event: JsonObject, limits: EventLimits): Problem | undefined {
  for (const [field, code] of Object.entries(OBJECTS)) {
    const value = event[field];
    if (isAbsent(value)) continue;
    if (!isObject(value)) return problem(code, `${field} must be an object`, field);
  }
  for (const field of ['properties', 'traits']) {
    const value = event[field];
    if (isObject(value) && Object.keys(value).length > limits.propertiesMax) {
      const message = `${field} may have ${limits.propertiesMax} keys`;
      return problem('too_many_properties', message, field);
    }
  }
  return undefined;
}

function checkMessageId(event: JsonObject, limits: EventLimits): Problem | undefined {
  const { messageId } = event;
  if (isAbsent(messageId)) return undefined;
  if (typeof messageId !== 'string') {
    return problem('message_id_not_string', 'messageId must be a string or a number', 'messageId');
  }
  if (messageId.length <= limits.messageIdCharsMax) return undefined;
  const message = `messageId may have ${limits.messageIdCharsMax} characters`;
  return problem('message_id_too_long', message, 'messageId');
}

function checkContext(event: JsonObject): Problem | undefined {
  const context = event['context'];
  if (!isObject(context)) return checkConsent(event, undefined);
  const device = context['device'];
  if (isObject(device)) {
    const id = device['advertisingId'];
    if (!isAbsent(id) && typeof id !== 'string') {
      return problem(
        'device_advertisingid_should_be_string',
        'advertisingId must be a string',
        'context.device.advertisingId',
      );
    }
  }
  return checkConsent(event, context['consent']);
}

const PREFERENCES = 'context.consent.categoryPreferences';

function checkConsent(event: JsonObject, consent: unknown): Problem | undefined {
  const isConsentEvent = event['event'] === CONSENT_EVENT;
  const { version, categoryPreferences } = isObject(consent) ? consent : {};
  if (!isAbsent(version) && typeof version !== 'number') {
    return problem(
      'consent_version_should_be_number',
      'Consent version must be a number',
      'context.consent.version',
    );
  }
  if (isAbsent(categoryPreferences)) {
    if (!isConsentEvent) return undefined;
    return problem(
      'consent_categorypreferences_should_exist',
      `Missing required field: ${PREFERENCES}`,
      PREFERENCES,
    );
  }
  // PHP's empty list names no category either.
  if (isEmptyList(categoryPreferences)) return undefined;
  if (!isObject(categoryPreferences)) {
    return problem(
      'consent_categorypreferences_fields_should_be_object',
      `${PREFERENCES} must be an object`,
      PREFERENCES,
    );
  }
  for (const [category, choice] of Object.entries(categoryPreferences)) {
    if (typeof choice === 'boolean') continue;
    return problem(
      'consent_categorypreferences_fields_should_be_bool',
      'Consent preferences must be true or false',
      `${PREFERENCES}.${category.slice(0, 100)}`,
    );
  }
  return undefined;
}

function problem(code: string, message: string, field?: string): Problem {
  return field === undefined ? { code, message } : { code, message, field };
}
