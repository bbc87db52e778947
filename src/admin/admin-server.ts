/**
 * The admin listener: SQL, live events, metrics, health and the dashboard. Never on the public
 * port. Everything that shows data wants the admin token; /health, /ready and /metrics do not.
 */
import { serve } from '@hono/node-server';
import type { HttpBindings, ServerType } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Context, MiddlewareHandler, Next } from 'hono';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import { MillraceError, toError } from '../base/errors.ts';
import { createClientAddress } from '../collect/client-address.ts';
import type { SqlRequest } from '../query/run-sql.ts';
import { VERSION } from '../base/version.ts';
import { renderPrometheus } from '../observe/metrics.ts';
import type { SqlAnswer } from '../operate/sql/sql-shapes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import type { Actor } from '../store/people/people-shapes.ts';
import { listSources } from '../store/sources/sources.ts';
import { adminParts } from './admin-parts.ts';
import { loadDashboard } from './dashboard-files.ts';
import { openAdminParts } from './open-admin-parts.ts';
import { toCsv } from './csv.ts';
import { accountRoutes, signInRoutes } from './account-routes.ts';
import type { AccountOptions } from './account-routes.ts';
import { identify, tokenCheck } from './guard.ts';
import { createPasswords } from './passwords.ts';
import { createSignInLimit } from './sign-in-limit.ts';
import { actorOf, requireAllSources, setActor } from './actor.ts';
import { maySee } from '../operate/rights/actor-rights.ts';
import { sqlSchema } from './sql-schema.ts';
import { answerTail } from './tail.ts';
import { createTokenSessions } from './token-session.ts';

export interface AdminServer {
  port: number;
  /** Method and pattern of each, as in `GET /admin/users/:id`. */
  routes: readonly string[];
  stop(): Promise<void>;
}

const BODY_BYTES_MAX = 1024 * 1024;

/** @param token that may everything. @param startedMs on the monotonic clock. */
export async function startAdmin(
  running: RunningServer,
  token: string,
  startedMs: number,
): Promise<AdminServer> {
  const dashboard = await loadDashboard(running.disk);
  const app = createApp(running, { token, startedMs, dashboard });
  const { server, port } = await listen(app, running.config.admin);
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

function createApp(
  server: RunningServer,
  { token, startedMs, dashboard }: { token: string; startedMs: number; dashboard: Hono },
): Hono {
  const { store, clock, config, logger } = server;
  const app = new Hono();
  app.use((c, next) => protectPages(c, next));
  addStateRoutes(app, server, startedMs);
  app.route('/', dashboard);
  const isToken = tokenCheck(token);
  const tokenSessions = createTokenSessions(token, clock);
  const clientAddress = createClientAddress(config.admin.trustedProxies);
  const accounts: AccountOptions = {
    store,
    passwords: createPasswords(),
    limit: createSignInLimit(config.admin.signIns, clock),
    isAdminToken: isToken,
    tokenSessions,
    addressOf: (c) => clientAddress((c.env as HttpBindings).incoming),
  };
  app.route('/', openRoutes(server, accounts));
  const admin = { isToken, isSession: tokenSessions.isValid };
  app.route(
    '/',
    guardedRoutes(server, accounts, (c) => identify(c, store, admin)),
  );
  app.notFound((c) => refuse(c, new MillraceError('NOT_FOUND', 'Not found')));
  app.onError((error, c) => {
    if (error instanceof MillraceError) return refuse(c, error);
    logger.error({ reason: toError(error).message }, 'admin request failed');
    return refuse(c, new MillraceError('UNAVAILABLE', 'The request failed; see the log'));
  });
  return app;
}

/** A page of another site can reach a loopback port through a name it owns; it cannot lie here. */
async function protectPages(c: Context, next: Next): Promise<Response | undefined> {
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
}

function addStateRoutes(app: Hono, server: RunningServer, startedMs: number): void {
  app.get('/health', (c) => {
    const { isHealthy, checks } = server.health();
    return c.json({ status: isHealthy ? 'ok' : 'failing', checks }, isHealthy ? 200 : 503);
  });
  app.get('/ready', (c) => {
    const { isReady, checks } = server.health();
    return c.json({ status: isReady ? 'ready' : 'starting', checks }, isReady ? 200 : 503);
  });
  app.get('/metrics', (c) =>
    c.text(metricsText(server, startedMs), 200, { 'Content-Type': 'text/plain; version=0.0.4' }),
  );
}

/** For those who are not signed in yet. */
function openRoutes(server: RunningServer, accounts: AccountOptions): Hono {
  const open = new Hono();
  open.use(limitBody());
  open.route('/admin', signInRoutes(accounts));
  for (const { path, routes } of openAdminParts(server)) open.route(path, routes);
  return open;
}

/** @param actorNow throws when nobody is signed in, or not any more. */
function guardedRoutes(
  server: RunningServer,
  accounts: AccountOptions,
  actorNow: (c: Context) => Actor,
): Hono {
  const guarded = new Hono();
  guarded.use(async (c, next) => {
    setActor(c, actorNow(c));
    await next();
  });
  guarded.use(limitBody());
  guarded.get('/status', (c) => c.json(statusFor(server, actorOf(c))));
  guarded.post('/sql', (c) => {
    requireAllSources(c);
    return answerSql(server, c);
  });
  guarded.get('/tail', (c) =>
    answerTail(
      (onEntries) => server.lake.tail(onEntries),
      c,
      () => actorNow(c),
    ),
  );
  guarded.route('/admin', accountRoutes(accounts));
  for (const { path, routes } of adminParts(server)) guarded.route(path, routes);
  return guarded;
}

function metricsText(server: RunningServer, startedMs: number): string {
  const { metrics, clock } = server;
  metrics.cell('millrace_resident_bytes').value = process.memoryUsage.rss();
  metrics.cell('millrace_uptime_seconds').value = (clock.monotonicMs() - startedMs) / 1000;
  return renderPrometheus(server.snapshots());
}

function statusFor({ store }: RunningServer, actor: Actor): object {
  const sources = listSources(store)
    .filter(({ slug }) => maySee(actor, slug))
    .map(({ id, name, slug, region, environment, isEnabled: enabled }) => {
      return { id, name, slug, region, environment, enabled };
    });
  return { version: VERSION, sources };
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

async function answerSql({ lake, config }: RunningServer, c: Context): Promise<Response> {
  const body = parseSqlBody(await c.req.text());
  const request: SqlRequest = {
    sql: body.sql,
    format: body.format === 'parquet' ? 'parquet' : 'rows',
    timeoutMs: Math.min(body.timeoutMs ?? config.sql.timeoutMs, config.sql.timeoutMs),
    rowsMax: Math.min(body.rowsMax ?? config.sql.rowsMax, config.sql.rowsMax),
  };
  // Aborts when the client goes away: nobody waits for the answer any more.
  const result = await lake.query(request, c.req.raw.signal, 'person');
  if (result.format === 'parquet') {
    return c.body(Buffer.from(result.bytes), 200, {
      'Content-Type': 'application/vnd.apache.parquet',
    });
  }
  if (body.format === 'csv') {
    return c.body(toCsv(result), 200, { 'Content-Type': 'text/csv; charset=utf-8' });
  }
  const { columns, rows, isTruncated, elapsedMs } = result;
  const answer: SqlAnswer = { columns, rows, truncated: isTruncated, elapsedMs };
  return c.json(answer);
}

function parseSqlBody(text: string): z.infer<typeof sqlSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MillraceError('INVALID_ARGUMENT', 'The body is not JSON', { cause: error });
  }
  const parsed = sqlSchema.safeParse(value);
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

function listen(
  app: Hono,
  { host, port }: { host: string; port: number },
): Promise<{ server: ServerType; port: number }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (address: AddressInfo) =>
      resolve({ server, port: address.port }),
    );
    server.once('error', reject);
  });
}
