/**
 * Runs actions of Segment's destinations, in the thread that has their code. Says what became of
 * each event; what follows from it is decided elsewhere (segment-destination.ts).
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type {
  ActionFailure,
  ActionResult,
  ActionsTarget,
  ActionsWork,
} from './actions-messages.ts';
import type { Oauth } from './segment-settings.ts';
import { RenewalFailed, openTokens } from './oauth-tokens.ts';
import type { Tokens } from './oauth-tokens.ts';
import { FetchError } from './worker-fetch.ts';

interface Multistatus {
  status: number;
  errormessage?: string;
  errorreporter?: string;
  body?: unknown;
}

interface Action {
  definition: { fields?: Record<string, { default?: unknown }> };
}

/** What we use of Segment's class. */
interface Loaded {
  actions: Record<string, Action>;
  /** Grows with every answer unless it is emptied. */
  responses: unknown[];
  executeAction(action: string, bundle: JsonObject): Promise<unknown>;
  executeBatch(action: string, bundle: JsonObject): Promise<Multistatus[]>;
  testAuthentication(settings: JsonObject): Promise<void>;
  onDelete?(event: JsonObject, settings: JsonObject, options: JsonObject): Promise<unknown>;
  refreshAccessToken(settings: JsonObject, oauth: JsonObject): Promise<JsonObject | undefined>;
}

interface Core {
  Destination: new (definition: JsonObject) => Loaded;
  transform(mapping: JsonObject, event: JsonObject): JsonObject;
  HTTPError: new () => Error & { response: Response & { content?: string } };
  IntegrationError: new () => Error & { status?: number };
  RetryableError: new () => Error;
  InvalidAuthenticationError: new () => Error;
  PayloadValidationError: new () => Error;
}

export interface ActionRunner {
  run(work: ActionsWork, signal: AbortSignal): Promise<ActionResult[]>;
  /** Returns what is wrong, or null. */
  test(target: ActionsTarget): Promise<string | null>;
  delete(target: ActionsTarget & { userIds: readonly string[] }): Promise<string | null>;
}

const EVENTS_AT_ONCE = 8;
const BATCH_MAX = 1_000;
const TEXT_CHARS_MAX = 2_048;
const MESSAGE_CHARS_MAX = 1_000;

const require = createRequire(import.meta.url);

/**
 * Loads Segment's core; destinations when they are first used.
 * @param onRenewed is told of fresh tokens, inside the call that asked for them.
 */
export function createActionRunner(onRenewed: (oauth: Oauth) => void): ActionRunner {
  const core = require('@segment/actions-core') as Core;
  const folder = join(dirname(require.resolve('@segment/action-destinations')), 'destinations');
  const loaded = new Map<string, Loaded>();
  const load = ({ slug, folder: name }: ActionsTarget): Loaded => {
    const known = loaded.get(slug);
    if (known) return known;
    const module = require(join(folder, name)) as { default: JsonObject };
    const destination = new core.Destination(namedBySlug(module.default));
    loaded.set(slug, destination);
    return destination;
  };
  const context: Context = { core, load, tokens: openTokens(onRenewed) };
  return {
    run: (work, signal) => runWork(context, work, signal),
    test: (target) =>
      problemOf(() =>
        withTokens(context, target, (oauth) => {
          return load(target).testAuthentication({ ...target.settings, ...oauthSetting(oauth) });
        }),
      ),
    delete: (target) => problemOf(() => deleteUsers(context, target)),
  };
}

interface Context {
  core: Core;
  load(target: ActionsTarget): Loaded;
  tokens: Tokens;
}

/**
 * Segment's core keeps schemas by the names of destination and action, as identifiers that may
 * have no spaces, and must not be used twice.
 */
function namedBySlug(definition: JsonObject): JsonObject {
  const actions = Object.entries(definition['actions'] as Record<string, JsonObject>);
  return {
    ...definition,
    name: definition['slug'],
    actions: Object.fromEntries(actions.map(([key, action]) => [key, { ...action, title: key }])),
  };
}

async function runWork(
  context: Context,
  work: ActionsWork,
  signal: AbortSignal,
): Promise<ActionResult[]> {
  const destination = context.load(work);
  const action = destination.actions[work.partnerAction];
  if (!action) throw new Error(`no action ${work.partnerAction}`);
  const results = new Map<object, ActionResult>();
  try {
    if (work.isBatch) {
      for (const chunk of chunksOf(context, work, action)) {
        const answers = await runBatch(context, work, chunk, signal);
        chunk.forEach((event, at) => results.set(event, answers[at] ?? MISSING));
      }
    } else {
      await runAlone(context, work, results, signal);
    }
  } finally {
    destination.responses.length = 0;
  }
  return work.events.map((event) => results.get(event) ?? MISSING);
}

const MISSING: ActionFailure = {
  kind: 'failed',
  cause: 'defect',
  message: 'the action returned no result for the event',
};

type WorkEvent = ActionsWork['events'][number];

/**
 * Side by side: the caller gives no two events of a user at once. When tokens cannot be renewed,
 * the events that are left wait with the others: to ask again for each of them changes nothing.
 */
async function runAlone(
  context: Context,
  work: ActionsWork,
  results: Map<object, ActionResult>,
  signal: AbortSignal,
): Promise<void> {
  const queue = [...work.events];
  let refused: ActionResult | undefined;
  const drain = async (): Promise<void> => {
    for (let event = queue.shift(); event; event = queue.shift()) {
      const result: ActionResult = refused ?? (await runOne(context, work, event, signal));
      if (result.kind === 'failed' && result.cause === 'credentials') refused = result;
      results.set(event, result);
    }
  };
  await Promise.all(Array.from({ length: EVENTS_AT_ONCE }, drain));
}

async function runOne(
  context: Context,
  work: ActionsWork,
  event: WorkEvent,
  signal: AbortSignal,
): Promise<ActionResult> {
  const destination = context.load(work);
  try {
    await withTokens(context, work, (oauth) =>
      destination.executeAction(work.partnerAction, {
        ...bundleOf(work, oauth, signal),
        event,
      }),
    );
    return { kind: 'delivered' };
  } catch (error) {
    return failureOf(context.core, error);
  }
}

/** All in one request; what a service refuses as a whole is tried event by event. */
async function runBatch(
  context: Context,
  work: ActionsWork,
  events: readonly WorkEvent[],
  signal: AbortSignal,
): Promise<ActionResult[]> {
  const destination = context.load(work);
  try {
    const answers = await withTokens(context, work, async (oauth) => {
      const bundle = { ...bundleOf(work, oauth, signal), events };
      const statuses = await destination.executeBatch(work.partnerAction, bundle);
      if (work.oauth && statuses.some((status) => status?.status === 401)) {
        throw new TokenRefused(statuses);
      }
      return statuses;
    });
    return events.map((_, at) => resultOf(answers[at]));
  } catch (error) {
    if (error instanceof TokenRefused) return events.map((_, at) => resultOf(error.statuses[at]));
    const failure = failureOf(context.core, error);
    if (events.length === 1 || !mayLieInOne(failure)) return events.map(() => failure);
    const alone: ActionResult[] = [];
    for (const event of events) alone.push(...(await runBatch(context, work, [event], signal)));
    return alone;
  }
}

function mayLieInOne({ cause, status }: ActionFailure): boolean {
  if (cause === 'payload' || cause === 'defect') return true;
  return cause === 'status' && (status === 400 || status === 413 || status === 422);
}

/** Events that may share a request: the action says how many, and what they must have alike. */
function chunksOf(
  { core }: Context,
  { mapping, events }: ActionsWork,
  { definition: { fields = {} } }: Action,
): WorkEvent[][] {
  const keys = mapping['batch_keys'] ?? fields['batch_keys']?.default;
  const size = Number(mapping['batch_size'] ?? BATCH_MAX);
  const sizeMax = Number.isInteger(size) && size > 0 ? Math.min(size, BATCH_MAX) : BATCH_MAX;
  const keyOf = (message: WorkEvent): string => {
    if (!Array.isArray(keys)) return '';
    try {
      const payload = core.transform(mapping, message);
      return JSON.stringify(keys.map((key) => payload[String(key)] ?? null));
    } catch {
      return ''; // The action itself will say what is wrong with it.
    }
  };
  return [...Map.groupBy(events, keyOf).values()].flatMap((alike) =>
    Array.from({ length: Math.ceil(alike.length / sizeMax) }, (_, at) =>
      alike.slice(at * sizeMax, (at + 1) * sizeMax),
    ),
  );
}

/** Segment's servers give actions more than they need; some insist on it. */
function bundleOf(work: ActionsWork, oauth: Oauth | null, signal: AbortSignal): JsonObject {
  const nothing = (): void => undefined;
  const statsClient = {
    observe: nothing,
    _name: (name: string) => name,
    _tags: (given: string[] = []) => given,
    incr: nothing,
    set: nothing,
    histogram: nothing,
  };
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  return {
    mapping: work.mapping,
    settings: structuredClone(work.settings),
    auth: {
      accessToken: oauth?.access_token,
      refreshToken: oauth?.refresh_token,
      refreshTokenUrl: oauth?.refresh_token_url,
    },
    features: {},
    statsContext: { statsClient, tags: [] },
    logger: {
      level: 'error',
      name: work.slug,
      ...log,
      crit: nothing,
      log: nothing,
      withTags: nothing,
    },
    transactionContext: { transaction: {}, setTransaction: nothing },
    stateContext: { getRequestContext: nothing, setResponseContext: nothing },
    subscriptionMetadata: { destinationConfigId: work.destinationId },
    signal,
  };
}

class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly status = 401;
  readonly statuses: readonly Multistatus[];

  constructor(statuses: readonly Multistatus[]) {
    super('the service did not accept the token');
    this.statuses = statuses;
  }
}

/**
 * Runs with the newest tokens; when they are refused, once more with fresh ones. Those that a
 * service gave without a refresh token, for the application alone, it gives again so.
 */
async function withTokens<T>(
  { load, tokens }: Context,
  target: ActionsTarget,
  run: (oauth: Oauth | null) => Promise<T>,
): Promise<T> {
  if (!target.oauth) return await run(null);
  const key = JSON.stringify([target.destinationId, target.oauth]);
  const failure = tokens.failure(key);
  const renew = (oauth: Oauth): Promise<Oauth> =>
    tokens.renewed(key, oauth, failure, () =>
      load(target).refreshAccessToken(target.settings, {
        accessToken: oauth.access_token,
        refreshToken: oauth.refresh_token,
        refreshTokenUrl: oauth.refresh_token_url,
        clientId: oauth.clientId,
        clientSecret: oauth.clientSecret,
      }),
    );
  let oauth = tokens.newest(key) ?? target.renewedOauth ?? target.oauth;
  const isFresh = !oauth.access_token;
  if (isFresh) oauth = await renew(oauth);
  try {
    return await run(oauth);
  } catch (error) {
    const isRenewable = oauth.refresh_token !== undefined || !target.oauth.access_token;
    if (statusOf(error) !== 401 || isFresh || !isRenewable) throw error;
    return await run(await renew(oauth));
  }
}

function oauthSetting(oauth: Oauth | null): JsonObject {
  return oauth ? { oauth } : {};
}

async function deleteUsers(
  context: Context,
  target: ActionsTarget & { userIds: readonly string[] },
): Promise<void> {
  for (const userId of target.userIds) {
    await withTokens(context, target, async (oauth) => {
      const settings = { ...structuredClone(target.settings), ...oauthSetting(oauth) };
      await context.load(target).onDelete?.({ type: 'delete', userId }, settings, {});
    });
  }
}

async function problemOf(run: () => Promise<unknown>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function resultOf(answer: Multistatus | undefined): ActionResult {
  if (!answer) return MISSING;
  const { status, errormessage = '', errorreporter, body } = answer;
  const response = body === undefined ? undefined : cut(textOf(body));
  if (status >= 200 && status < 300) return { kind: 'delivered', status, response };
  const isOwn = errorreporter === 'INTEGRATIONS' && status === 400;
  const cause = isOwn ? 'payload' : 'status';
  return { kind: 'failed', cause, status, response, message: cut(errormessage) };
}

function failureOf(core: Core, error: unknown): ActionFailure {
  const message = messageOf(error);
  const failed = (cause: ActionFailure['cause'], more: Partial<ActionFailure> = {}) =>
    ({ kind: 'failed', cause, message, ...more }) as const;
  if (error instanceof RenewalFailed) return renewalFailure(core, error);
  if (error instanceof FetchError) return failed('net', { code: error.netCode });
  if (error instanceof core.HTTPError) {
    const { status, headers, content = '' } = error.response;
    const retryAfter = headers.get('retry-after') ?? undefined;
    return failed('status', { status, retryAfter, response: cut(content) });
  }
  if (error instanceof core.RetryableError) return failed('retryable');
  if (error instanceof core.InvalidAuthenticationError) return failed('credentials');
  if (error instanceof core.PayloadValidationError) return failed('payload');
  const name = error instanceof Error ? error.name : '';
  if (/^(TimeoutError|RequestTimeoutError|RequestClientError|AbortError)$/.test(name)) {
    return failed('timeout');
  }
  if (name === 'AggregateAjvError' || name === 'ValidationError') return failed('payload');
  const status = statusOf(error);
  if (status === undefined) return failed('defect');
  const isOwn = error instanceof core.IntegrationError && status >= 400 && status < 500;
  // Of its own statuses those that pass, or ask for credentials, mean what they say.
  const isPayload = isOwn && ![401, 403, 408, 423, 425, 429].includes(status);
  return failed(isPayload ? 'payload' : 'status', { status });
}

/**
 * What a renewal of tokens came to. A service that says no (RFC 6749 5.2: 400 `invalid_grant`)
 * will say so until a person connects it anew; no event is to blame. One that cannot answer now,
 * and what is wrong on the way to it, passes.
 */
function renewalFailure(core: Core, { message, reason }: RenewalFailed): ActionFailure {
  const failure = failureOf(core, reason);
  const { cause, status, response = '' } = failure;
  const said = response === '' ? failure.message : `${failure.message}: ${response}`;
  const passes = status !== undefined && (status >= 500 || [408, 425, 429].includes(status));
  const isNo = cause === 'payload' || (cause === 'status' && !passes);
  const shown = `${message}: ${said}`.slice(0, MESSAGE_CHARS_MAX);
  return { ...failure, cause: isNo ? 'credentials' : cause, message: shown };
}

function statusOf(error: unknown): number | undefined {
  if (!isObject(error)) return undefined;
  const { status, response } = error;
  const found = status ?? (isObject(response) ? response['status'] : undefined);
  return typeof found === 'number' && found >= 100 ? found : undefined;
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text || 'no message').slice(0, MESSAGE_CHARS_MAX);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function cut(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX);
}
