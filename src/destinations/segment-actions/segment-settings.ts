/**
 * Settings of one of Segment's destinations: its own, checked with its own schema, beside
 * `subscriptions` (which events cause which action, and how they are mapped) and, for services
 * with OAuth, `oauth`. What is wrong is refused when it is saved.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MillraceError, toError } from '../../base/errors.ts';
import type { SettingField } from '../destination-type-shapes.ts';
import { compileFql } from '../../fql/fql.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type { Net } from '../../net/net.ts';
import { defaultMapping } from './catalogue.ts';
import type { SegmentDestination } from './catalogue.ts';
import type { MappingPreview, SegmentAction, SegmentField } from './segment-shapes.ts';
import { isSchemaError, segmentCore } from './core.ts';
import { subscriptionsSchema } from './subscription-schema.ts';

export interface Subscription {
  /** The same as long as what it does is the same. */
  id: string;
  name: string;
  partnerAction: string;
  /** FQL. */
  subscribe: string;
  mapping: JsonObject;
}

export interface Oauth {
  access_token?: string | undefined;
  refresh_token?: string | undefined;
  refresh_token_url?: string | undefined;
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  authorizationUrl?: string | undefined;
  tokenUrl?: string | undefined;
  scopes?: string | undefined;
}

export interface SegmentSettings {
  settings: JsonObject;
  oauth: Oauth | null;
  /** The enabled ones. */
  subscriptions: readonly Subscription[];
}

const SECRET_NAME = /secret|token|key|password/i;
/** Keys of any mapping: batching, Segment's own sync mode, and what hooks have returned. */
const COMMON_KEY =
  /^(enable_batching|batch_size|__segment_internal_\w+|onMappingSave|retlOnMappingSave)$/;
const URL_START = /^https?:\/\//i;

/** Tokens of a service, with the OAuth application that can renew them. */
export const oauthSchema = z.strictObject({
  access_token: z.string().min(1).optional(),
  refresh_token: z.string().min(1).optional(),
  refresh_token_url: z.string().min(1).optional(),
  clientId: z.string().min(1).optional(),
  clientSecret: z.string().min(1).optional(),
  authorizationUrl: z.url({ protocol: /^https?$/ }).optional(),
  tokenUrl: z.url({ protocol: /^https?$/ }).optional(),
  scopes: z.string().min(1).optional(),
});

export function hasOauth({ scheme }: SegmentDestination): boolean {
  return scheme === 'oauth2' || scheme === 'oauth-managed';
}

/** The fields of a destination's settings, for API, documentation and forms. */
export function settingFields(destination: SegmentDestination): SettingField[] {
  const own = Object.entries(destination.settings).map(([key, field]) => fieldOf(key, field));
  const oauth: SettingField = {
    key: 'oauth',
    label: 'OAuth',
    description:
      'An OAuth application of your own: clientId and clientSecret, with which somebody signs in ' +
      'at the service in the dashboard, or tokens: access_token, refresh_token. Where Millrace ' +
      'does not know the service also authorizationUrl, tokenUrl, scopes.',
    type: 'object',
    isRequired: true,
    isSecret: true,
  };
  const subscriptions: SettingField = {
    key: 'subscriptions',
    label: 'Subscriptions',
    description:
      'Which events cause which action, and how they are mapped: a list of {partnerAction, ' +
      "subscribe, mapping}. Without it, Segment's presets.",
    type: 'list',
    isRequired: automaticPresets(destination).length === 0,
    isSecret: false,
  };
  return [...own, ...(hasOauth(destination) ? [oauth] : []), subscriptions];
}

function fieldOf(key: string, field: SegmentField): SettingField {
  const choices = field.choices?.map((choice) =>
    typeof choice === 'string' ? choice : String(choice.value),
  );
  return {
    key,
    label: field.label ?? key,
    description: field.description ?? '',
    type: typeOf(field),
    isRequired: field.required === true && !hasDefault(field),
    isSecret: field.type === 'password' || SECRET_NAME.test(key),
    ...(choices ? { choices } : {}),
    ...(hasDefault(field) ? { default: field.default } : {}),
  };
}

function typeOf(field: SegmentField): SettingField['type'] {
  if (field.multiple) return 'list';
  if (field.choices) return 'choice';
  if (field.type === 'number' || field.type === 'integer') return 'number';
  if (field.type === 'boolean' || field.type === 'object') return field.type;
  return 'text';
}

/** @throws MillraceError DESTINATION_INVALID naming the field, never a value. */
export function parseSegmentSettings(
  destination: SegmentDestination,
  input: unknown,
  net: Net,
): SegmentSettings {
  refuseOwnClients(destination);
  if (!isObject(input ?? {})) throw invalid('settings', 'not an object');
  const { subscriptions, oauth, ...own } = structuredClone(input ?? {}) as JsonObject;
  return {
    settings: ownSettings(destination, own, net),
    oauth: oauthOf(destination, oauth, net),
    subscriptions: subscriptionsOf(destination, subscriptions, net),
  };
}

/** Why a destination cannot be used, or undefined. */
export function refusalOf({ ownClients }: SegmentDestination): string | undefined {
  if (ownClients.length === 0) return undefined;
  return `connects by itself (${ownClients.join(', ')}), around the guard of addresses (net.allow)`;
}

function refuseOwnClients(destination: SegmentDestination): void {
  const refusal = refusalOf(destination);
  if (refusal !== undefined) throw invalid('type', `${destination.slug} ${refusal}`);
}

function invalid(field: string, problem: string): MillraceError {
  return new MillraceError('DESTINATION_INVALID', `${field}: ${problem}`, { field });
}

function ownSettings(destination: SegmentDestination, given: JsonObject, net: Net): JsonObject {
  const fields = destination.settings;
  const known = Object.keys(fields);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw invalid(unknown, `unknown (allowed: ${[...known, 'subscriptions'].join(', ')})`);
  }
  const defaults = Object.entries(fields).filter(([, field]) => hasDefault(field));
  const settings: JsonObject = {
    ...Object.fromEntries(defaults.map(([key, field]) => [key, structuredClone(field.default)])),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)),
  };
  const core = segmentCore();
  try {
    core.validateSchema(settings, schemaOf(fields), { exempt: [] });
  } catch (error) {
    throw schemaProblem(error, known);
  }
  for (const [key, value] of Object.entries(settings)) checkUrl(key, value, net);
  return settings;
}

/** Some have a default that is not among their choices. */
function hasDefault({ default: value, choices }: SegmentField): boolean {
  const isChoice = choices?.some((choice) =>
    typeof choice === 'string' ? choice === value : choice.value === value,
  );
  return value !== undefined && isChoice !== false;
}

/** Compiled once for each destination: the schema check remembers schemas by identity. */
const schemas = new WeakMap<object, object>();

function schemaOf(fields: Readonly<Record<string, SegmentField>>): object {
  const known = schemas.get(fields);
  if (known) return known;
  const schema = segmentCore().fieldsToJsonSchema(fields);
  schemas.set(fields, schema);
  return schema;
}

/** Their messages say what is expected, and the type that was found, but no value. */
function schemaProblem(error: unknown, known: readonly string[]): Error {
  if (!isSchemaError(error)) return toError(error);
  const [first] = error.errors;
  const path = first?.path.replace(/^\$\.?/, '') ?? '';
  const message = first?.message ?? 'invalid';
  const missing = /missing the required field '([^']+)'/.exec(message)?.[1];
  const field =
    path || (missing ?? known.find((key) => message.includes(`'${key}'`))) || 'settings';
  return invalid(field, missing === undefined ? message : 'required');
}

function checkUrl(field: string, value: unknown, net: Net): void {
  if (typeof value !== 'string' || !URL_START.test(value)) return;
  try {
    net.checkUrl(value);
  } catch (error) {
    throw invalid(field, toError(error).message);
  }
}

function oauthOf(destination: SegmentDestination, given: unknown, net: Net): Oauth | null {
  if (!hasOauth(destination)) {
    if (given !== undefined && given !== null) throw invalid('oauth', 'not used by this service');
    return null;
  }
  const result = oauthSchema.safeParse(given ?? {});
  if (!result.success) throw issueOf('oauth', result.error);
  const { data } = result;
  if (!data.access_token && !data.refresh_token && !(data.clientId && data.clientSecret)) {
    throw invalid('oauth', 'clientId and clientSecret, or a token, are required');
  }
  checkUrl('oauth.authorizationUrl', data.authorizationUrl, net);
  checkUrl('oauth.tokenUrl', data.tokenUrl, net);
  return data;
}

function issueOf(root: string, error: z.ZodError): MillraceError {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).reduce<string>(
    (name, key) => name + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`),
    root,
  );
  return invalid(path, issue?.message ?? 'invalid');
}

/** Presets that events can cause; some are for actions in browsers, which are not here. */
function automaticPresets({ presets, actions }: SegmentDestination) {
  return presets.filter(
    ({ type, subscribe, partnerAction }) =>
      type === 'automatic' && subscribe && Object.hasOwn(actions, partnerAction),
  );
}

function subscriptionsOf(
  destination: SegmentDestination,
  given: unknown,
  net: Net,
): Subscription[] {
  if (given === undefined || given === null) {
    const presets = automaticPresets(destination);
    if (presets.length === 0) {
      throw invalid('subscriptions', 'required: Segment has no presets for this destination');
    }
    return presets.map(({ name, partnerAction, subscribe = '', mapping }) =>
      identified({ name, partnerAction, subscribe, mapping }),
    );
  }
  const result = subscriptionsSchema.safeParse(given);
  if (!result.success) throw issueOf('subscriptions', result.error);
  const parsed = result.data.map((subscription, at) => {
    const field = `subscriptions[${at}]`;
    const action = actionOf(destination, subscription.partnerAction, `${field}.partnerAction`);
    const subscribe = subscription.subscribe ?? action.defaultSubscription;
    checkFql(subscribe, `${field}.subscribe`);
    const mapping = mappingOf(action, subscription.mapping ?? {}, `${field}.mapping`);
    for (const [key, value] of Object.entries(mapping)) {
      checkUrl(`${field}.mapping.${key}`, value, net);
    }
    const { name = action.title, partnerAction, enabled } = subscription;
    const complete = { name, partnerAction, subscribe: subscribe ?? '', mapping };
    return { isEnabled: enabled, subscription: identified(complete) };
  });
  return parsed.filter(({ isEnabled }) => isEnabled).map(({ subscription }) => subscription);
}

/**
 * A trigger as FQL. Segment's evaluator of triggers takes a bare word for a text, and presets
 * make use of it: `type = track`.
 */
export function triggerQuery(query: string): string {
  return query.replaceAll(/\b(type\s*!?=\s*)(track|identify|page|screen|group|alias)\b/g, '$1"$2"');
}

function identified(given: Omit<Subscription, 'id'>): Subscription {
  const subscription = { ...given, subscribe: triggerQuery(given.subscribe) };
  const { partnerAction, subscribe, mapping } = subscription;
  const text = JSON.stringify([partnerAction, subscribe, mapping]);
  return { ...subscription, id: createHash('sha256').update(text).digest('hex').slice(0, 12) };
}

/** @throws MillraceError DESTINATION_INVALID */
export function actionOf(
  { actions }: SegmentDestination,
  name: string,
  field: string,
): SegmentAction {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw invalid(field, `unknown (allowed: ${Object.keys(actions).join(', ')})`);
  return action;
}

function checkFql(query: string | undefined, field: string): void {
  if (query === undefined) throw invalid(field, 'required: the action has no trigger of its own');
  try {
    compileFql(triggerQuery(query));
  } catch (error) {
    throw invalid(field, toError(error).message);
  }
}

/**
 * A mapping with the defaults of the fields that it does not name; null takes a default away.
 * @throws MillraceError DESTINATION_INVALID
 */
export function mappingOf(action: SegmentAction, given: JsonObject, field: string): JsonObject {
  const known = Object.keys(action.fields);
  for (const key of Object.keys(given)) {
    if (known.includes(key) || COMMON_KEY.test(key)) continue;
    throw invalid(`${field}.${key}`, `unknown (allowed: ${known.join(', ')})`);
  }
  const mapping = { ...defaultMapping(action), ...given };
  try {
    segmentCore().validateMapping(mapping);
  } catch (error) {
    throw invalid(field, toError(error).message);
  }
  return mapping;
}

/** What an action would get of an event, or why it would get nothing. Asks no service. */
export function previewPayload(
  action: SegmentAction,
  mapping: JsonObject,
  event: JsonObject,
): MappingPreview {
  const core = segmentCore();
  const schema = schemaOf(action.fields);
  try {
    const mapped = core.transform(mapping, structuredClone(event));
    const payload = core.removeEmptyValues(mapped, schema, true);
    core.validateSchema(payload, schema, { exempt: ['dynamicAuthSettings'] });
    return { payload };
  } catch (error) {
    if (!isSchemaError(error)) return { errors: [toError(error).message] };
    return { errors: error.errors.map(({ path, message }) => `${path}: ${message}`) };
  }
}
