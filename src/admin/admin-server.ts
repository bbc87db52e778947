/**
 * The admin listener: SQL, live events, metrics, health and the dashboard. Never on the public
 * port. Everything that shows data wants the admin token; /health, /ready and /metrics do not.
 */
import { serve } from '@hono/node-server';
import type { HttpBindings, ServerType } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Context, MiddlewareHandler } from 'hono';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { MillraceError, toError } from '../base/errors.ts';
import { createClientAddress } from '../collect/client-address.ts';
import type { SqlRequest, SqlResult } from '../query/run-sql.ts';
import type { Logger } from '../observe/logger.ts';
import { toCsv } from './csv.ts';
import type { Clock } from '../base/clock.ts';
import type { Store } from '../store/store.ts';
import { accountRoutes, signInRoutes } from './account-routes.ts';
import type { AccountOptions } from './account-routes.ts';
import { identify, tokenCheck } from './guard.ts';
import { createPasswords } from './passwords.ts';
import { createSignInLimit } from './sign-in-limit.ts';
import type { SignInSettings } from './sign-in-limit.ts';
import { actorOf, requireAllSources, setActor, sourcesSeenBy } from './actor.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import type { DeliveryControl } from './delivery-routes.ts';
import { answerTail } from './tail.ts';
import type { Tail } from './tail.ts';
import { createTokenSessions } from './token-session.ts';

export interface Health {
  isHealthy: boolean;
  isReady: boolean;
  checks: Record<string, string>;
}

/** Routes of one part of the admin listener, and where they are. */
export interface AdminPart {
  path: string;
  routes: Hono;
}

export interface AdminOptions {
  host: string;
  port: number;
  token: string;
  signIns: SignInSettings;
  /** Addresses or CIDR ranges. */
  trustedProxies: readonly string[];
  sql: { timeoutMs: number; rowsMax: number };
  logger: Logger;
  query(request: SqlRequest, cancelled?: AbortSignal): Promise<SqlResult>;
  tail: Tail;
  metricsText(): string;
  health(): Health;
  /** @param seen slugs of the sources that are shown; null: all. */
  status(seen: readonly string[] | null): object;
  delivery: DeliveryControl;
  /** The files of the dashboard. */
  dashboard: Hono;
  /** Parts that nobody has to be signed in for. */
  open: readonly AdminPart[];
  /** Parts that the caller brings, behind the guard. */
  guarded: readonly AdminPart[];
  store: Store;
  clock: Clock;
}

export interface AdminServer {
  port: number;
  /** Method and pattern of each, as in `GET /admin/users/:id`. */
  routes: readonly string[];
  stop(): Promise<void>;
}

const SqlBody = z.strictObject({
  sql: z.string().min(1),
  format: z.enum(['json', 'csv', 'parquet']).default('json'),
  timeoutMs: z.int().positive().optional(),
  rowsMax: z.int().positive().optional(),
});

const BODY_BYTES_MAX = 1024 * 1024;

export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const app = createApp(options);
  const { server, port } = await listen(app, options);
  const routes = app.routes.filter(({ method }) => method !== 'ALL');
  return {
    port,
    routes: [...new Set(routes.map(({ method, path }) => `${method} ${path}`))],
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function createApp(options: AdminOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    // A page of another site can reach a loopback port through a name it owns; it cannot lie here.
    const site = c.req.header('sec-fetch-site');
    const isForeign = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (isForeign && !isNavigation(c)) {
      return refuse(c, new MillraceError('UNAUTHORIZED', 'Cross-site request'));
    }
    await next();
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('X-Frame-Options', 'DENY');
    c.header('Referrer-Policy', 'no-referrer');
    return undefined;
  });
  app.get('/health', (c) => {
    const { isHealthy, checks } = options.health();
    return c.json({ status: isHealthy ? 'ok' : 'failing', checks }, isHealthy ? 200 : 503);
  });
  app.get('/ready', (c) => {
    const { isReady, checks } = options.health();
    return c.json({ status: isReady ? 'ready' : 'starting', checks }, isReady ? 200 : 503);
  });
  app.get('/metrics', (c) =>
    c.text(options.metricsText(), 200, { 'Content-Type': 'text/plain; version=0.0.4' }),
  );
  app.route('/', options.dashboard);
  const isToken = tokenCheck(options.token);
  const tokenSessions = createTokenSessions(options.token, options.clock);
  const passwords = createPasswords();
  const clientAddress = createClientAddress(options.trustedProxies);
  const accounts: AccountOptions = {
    store: options.store,
    passwords,
    limit: createSignInLimit(options.signIns, options.clock),
    isAdminToken: isToken,
    tokenSessions,
    addressOf: (c) => clientAddress((c.env as HttpBindings).incoming),
  };
  const open = new Hono();
  open.use(limitBody());
  open.route('/admin', signInRoutes(accounts));
  for (const { path, routes } of options.open) open.route(path, routes);
  app.route('/', open);
  const admin = { isToken, isSession: tokenSessions.isValid };
  const actorNow = (c: Context) => identify(c, options.store, admin);
  const guarded = new Hono();
  guarded.use(async (c, next) => {
    setActor(c, actorNow(c));
    await next();
  });
  guarded.use(limitBody());
  guarded.get('/status', (c) => c.json(options.status(sourcesSeenBy(actorOf(c)))));
  guarded.post('/sql', (c) => {
    requireAllSources(c);
    return answerSql(options, c);
  });
  guarded.get('/tail', (c) => answerTail(options.tail, c, () => actorNow(c)));
  guarded.route('/admin', accountRoutes(accounts));
  guarded.route('/admin', deliveryRoutes(options.delivery));
  for (const { path, routes } of options.guarded) guarded.route(path, routes);
  app.route('/', guarded);
  app.notFound((c) => refuse(c, new MillraceError('NOT_FOUND', 'Not found')));
  app.onError((error, c) => {
    if (error instanceof MillraceError) return refuse(c, error);
    options.logger.error({ reason: toError(error).message }, 'admin request failed');
    return refuse(c, new MillraceError('UNAVAILABLE', 'The request failed; see the log'));
  });
  return app;
}

/**
 * Somebody follows a link to us, as from a chat, or comes back from where he signed in. The page
 * that has the link sees nothing of the answer, and the session's cookie is not sent.
 */
function isNavigation(c: Context): boolean {
  const { method } = c.req;
  const dest = c.req.header('sec-fetch-dest');
  return method === 'GET' && c.req.header('sec-fetch-mode') === 'navigate' && dest === 'document';
}

async function answerSql(options: AdminOptions, c: Context): Promise<Response> {
  const body = parseSqlBody(await c.req.text());
  const request: SqlRequest = {
    sql: body.sql,
    format: body.format === 'parquet' ? 'parquet' : 'rows',
    timeoutMs: Math.min(body.timeoutMs ?? options.sql.timeoutMs, options.sql.timeoutMs),
    rowsMax: Math.min(body.rowsMax ?? options.sql.rowsMax, options.sql.rowsMax),
  };
  // Aborts when the client goes away: nobody waits for the answer any more.
  const result = await options.query(request, c.req.raw.signal);
  if (result.format === 'parquet') {
    return c.body(Buffer.from(result.bytes), 200, {
      'Content-Type': 'application/vnd.apache.parquet',
    });
  }
  if (body.format === 'csv') {
    return c.body(toCsv(result), 200, { 'Content-Type': 'text/csv; charset=utf-8' });
  }
  const { columns, rows, isTruncated, elapsedMs } = result;
  return c.json({ columns, rows, truncated: isTruncated, elapsedMs });
}

function parseSqlBody(text: string): z.infer<typeof SqlBody> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MillraceError('INVALID_ARGUMENT', 'The body is not JSON', { cause: error });
  }
  const parsed = SqlBody.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') ?? '';
  throw new MillraceError('INVALID_ARGUMENT', `${field}: ${issue?.message ?? 'invalid'}`, {
    field,
  });
}

function refuse(c: Context, error: MillraceError): Response {
  const { code, message, field } = error;
  const own = { type: code.toLowerCase(), message, ...(field ? { field } : {}) };
  // `errors` is what scripts of Segment's Public API look at.
  return c.json({ error: own, errors: [own], code, message }, error.status as 400);
}

function limitBody(): MiddlewareHandler {
  return bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError(c) {
      // The rest of the body is not read, so the connection cannot be used again.
      c.header('Connection', 'close');
      return refuse(c, new MillraceError('INVALID_ARGUMENT', 'The body is too large'));
    },
  });
}

function listen(app: Hono, options: AdminOptions): Promise<{ server: ServerType; port: number }> {
  return new Promise((resolve, reject) => {
    const server = serve(
      { fetch: app.fetch, hostname: options.host, port: options.port },
      (address: AddressInfo) => resolve({ server, port: address.port }),
    );
    server.once('error', reject);
  });
}
