/**
 * Every route of the admin listener, as it is registered: what belongs to another workspace is not
 * there, nobody comes in without credentials, viewers change nothing, and no other site can use a
 * session. A new route is in these tests as soon as it is registered; what is open on purpose is
 * listed here with its reason. (Fault F40.)
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { parseConfig } from '../../src/config/load-config.ts';
import { startServer } from '../../src/serve/server.ts';
import type { Server } from '../../src/serve/server.ts';
import { createApiToken } from '../../src/store/people/api-tokens.ts';
import { beginSession } from '../../src/store/people/sessions.ts';
import { closeStore, openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createUser } from '../../src/store/people/users.ts';
import { getKey } from '../../src/store/sources/write-keys.ts';
import { ensureWorkspace } from '../../src/store/workspace/workspaces.ts';
import { insertForeignRows, rowsOfWorkspace } from '../support/foreign-workspace.ts';

/** Equally long, so that only the words differ in answers. */
const FOREIGN = 'foreign-4c1d';
const MISSING = 'missing-4c1d';
const OWN = 'own';
const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Routes that answer without credentials, and why. */
const OPEN: Readonly<Record<string, string>> = {
  'GET /': 'leads to the dashboard',
  'GET /app': 'the files of the dashboard hold no data',
  'GET /app/': 'the files of the dashboard hold no data',
  'GET /app/*': 'the files of the dashboard hold no data',
  'GET /app/assets/:name': 'the files of the dashboard hold no data',
  'GET /health': 'for load balancers; says ok or what fails',
  'GET /ready': 'for load balancers',
  'GET /metrics': 'for Prometheus; counts only',
  'GET /admin/invitations/:invitation': 'whoever has the secret link is invited',
  'POST /admin/invitations/accept': 'whoever has the secret link is invited',
  'POST /admin/sign-in': 'how one gets credentials',
  'POST /admin/sign-in/token': 'exchanges credentials',
  'POST /admin/sign-out': 'ends nothing but the session of its cookie',
  'GET /admin/sign-in-methods': 'what the sign-in page offers',
  'GET /admin/oidc/start': 'how one gets credentials',
  'GET /admin/oidc/callback': 'how one gets credentials',
};

/** Routes that change nothing although they are not GET, and why a viewer may use them. */
const READING: Readonly<Record<string, string>> = {
  'POST /sql': 'the guard of SQL lets only queries pass',
  'POST /admin/destinations/types/:type/preview': 'computes, stores nothing',
  'POST /admin/filters/preview': 'computes, stores nothing',
  'POST /admin/triggers/preview': 'computes, stores nothing',
  'POST /destination/filters/preview': 'computes, stores nothing',
};

/** What is asked of routes that judge by the body who may. */
const BODIES: Readonly<Record<string, object>> = {
  'POST /admin/destinations/:slug/replays': {
    from: '2026-01-01T00:00:00Z',
    to: '2026-01-02T00:00:00Z',
  },
  'PUT /admin/schema/notes': { source: OWN, event: 'track/E', text: 'x' },
};

/** Routes that answer 200 to what is not there, and why that shows nothing. */
const NEVER_MISSING: Readonly<Record<string, string>> = {
  'GET /admin/trace/:messageId': 'a message that no source has sent has no copies',
};

let folder = '';
let store: Store;
let database: DatabaseSync;
let server: Server;
let adminToken = '';
let viewerToken = '';
let session = '';
let foreignNumber = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tenancy-'));
  store = openStore(join(folder, 'control.db'));
  ensureWorkspace(store);
  database = new DatabaseSync(join(folder, 'control.db'));
  foreignNumber = insertForeignRows(database, FOREIGN);
  const given = { scopes: [], createdBy: 'test', expiresAtMs: null };
  viewerToken = createApiToken(store, { ...given, name: 'v', role: 'viewer' }).token;
  const owner = {
    email: 'owner@example.com',
    name: 'Owner',
    role: 'owner',
    password: null,
  } as const;
  session = beginSession(store, createUser(store, owner).id, 'test');
  const config = {
    dataDir: folder,
    collector: { port: 0, host: '127.0.0.1', threads: 1 },
    admin: { port: 0 },
    logging: { level: 'error' },
    sources: [{ name: 'Own', slug: OWN, writeKeys: ['ownWriteKey0123456789'] }],
    destinations: [
      { name: 'Own', slug: OWN, type: 'webhook', settings: { url: 'https://example.com/' } },
    ],
  };
  server = await startServer(parseConfig({ written: stringify(config) }));
  adminToken = readFileSync(join(folder, 'admin-token'), 'utf8').trim();
});

after(async () => {
  await server.stop();
  database.close();
  closeStore(store);
  rmSync(folder, { recursive: true });
});

interface Answer {
  status: number;
  text: string;
}

async function ask(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: object = {},
): Promise<Answer> {
  const response = await fetch(server.adminUrl + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    redirect: 'manual',
    ...(CHANGING.has(method) && method !== 'DELETE' && { body: JSON.stringify(body) }),
  });
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  return { status: response.status, text: await response.text() };
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

interface Route {
  name: string;
  method: string;
  pattern: string;
  parameters: string[];
}

function routes(): Route[] {
  return server.adminRoutes.map((name) => {
    const [method = '', pattern = ''] = name.split(' ');
    return { name, method, pattern, parameters: pattern.match(/:\w+(\{[^}]*\})?/g) ?? [] };
  });
}

/** The pattern with each parameter replaced; those that are digits get the number. */
function fill({ pattern }: Route, values: readonly [word: string, number: string][]): string {
  let at = 0;
  return pattern
    .replaceAll(/:\w+(\{[^}]*\})?/g, (_, digits: string | undefined) => {
      const [word, number] = values[at++] ?? [OWN, '1'];
      return digits === undefined ? word : number;
    })
    .replace('*', 'index.html');
}

/** All parameters foreign; and each by itself, where the others are our own. */
function placements({ parameters }: Route): boolean[][] {
  const whole = parameters.map(() => true);
  if (parameters.length < 2) return [whole];
  return [whole, ...parameters.map((_, at) => parameters.map((__, other) => at === other))];
}

test('the routes are found: a walk over nothing proves nothing', () => {
  const names = new Set(server.adminRoutes);
  assert.ok(names.size > 40, `${names.size} routes`);
  for (const name of ['PATCH /admin/users/:id', 'GET /tail', 'POST /sql']) {
    assert.ok(names.has(name), name);
  }
});

test('what belongs to another workspace answers like what is not there', async () => {
  const rows = rowsOfWorkspace(database, FOREIGN);
  const wrong: string[] = [];
  for (const route of routes().filter(({ parameters }) => parameters.length > 0)) {
    for (const placement of placements(route)) {
      const pathWith = (word: string, number: string) =>
        fill(
          route,
          placement.map((isReplaced) => (isReplaced ? [word, number] : [OWN, '1'])),
        );
      const path = pathWith(FOREIGN, foreignNumber);
      const foreign = await ask(route.method, path, bearer(adminToken));
      const missing = await ask(route.method, pathWith(MISSING, '987654'), bearer(adminToken));
      // 501: an operation that is not there shows nothing of anybody.
      const isHidden = [400, 404, 501].includes(foreign.status) || route.name in NEVER_MISSING;
      const isAlike =
        foreign.status === missing.status && comparable(foreign.text) === comparable(missing.text);
      if (!isHidden || !isAlike) wrong.push(`${route.method} ${path}: ${foreign.status}`);
    }
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(rowsOfWorkspace(database, FOREIGN), rows, 'nothing is changed');
});

function comparable(text: string): string {
  return text
    .replaceAll(FOREIGN, '…')
    .replaceAll(MISSING, '…')
    .replaceAll(new RegExp(`\\b(${foreignNumber}|987654)\\b`, 'g'), '…');
}

test('nothing of another workspace is in any list', async () => {
  for (const { method, pattern, parameters } of routes()) {
    if (method !== 'GET' || parameters.length > 0 || pattern.includes('*')) continue;
    const { text } = await ask(method, pattern, bearer(adminToken));
    assert.ok(!text.includes(FOREIGN), `GET ${pattern}: ${text.slice(0, 300)}`);
  }
});

test('a key and a token of another workspace are worth nothing', async () => {
  const write = { Authorization: `Basic ${Buffer.from(`${FOREIGN}:`).toString('base64')}` };
  const sent = await fetch(`${server.collectorUrl}/v1/track`, {
    method: 'POST',
    headers: write,
    body: JSON.stringify({ userId: 'u', event: 'E' }),
  });
  assert.equal(sent.status, 401);
  assert.throws(() => getKey(store, FOREIGN), { code: 'NOT_FOUND' });
  const cookie = { Cookie: `millrace=${FOREIGN}` };
  assert.equal((await ask('GET', '/admin/me', cookie)).status, 401);
});

test('without credentials each route answers 401, but for those that are open on purpose', async () => {
  const wrong: string[] = [];
  for (const route of routes()) {
    if (route.name in OPEN) continue;
    const { status } = await ask(route.method, fill(route, []));
    if (status !== 401) wrong.push(`${route.name}: ${status}`);
  }
  assert.deepEqual(wrong, []);
});

test('a viewer changes nothing', async () => {
  const wrong: string[] = [];
  for (const route of routes()) {
    if (!CHANGING.has(route.method) || route.name in OPEN || route.name in READING) continue;
    const path = fill(route, []);
    const { status } = await ask(route.method, path, bearer(viewerToken), BODIES[route.name]);
    if (status !== 403 && status !== 501) wrong.push(`${route.name}: ${status}`);
  }
  assert.deepEqual(wrong, []);
});

test('a session is of no use to other sites', async () => {
  const sites: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' },
    { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors' },
    { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
  ];
  const wrong: string[] = [];
  for (const route of routes().filter(({ method }) => CHANGING.has(method))) {
    for (const site of sites) {
      const headers = { Cookie: `millrace=${session}`, ...site };
      const { status } = await ask(route.method, fill(route, []), headers);
      const isRefused = status === 401 || status === 403;
      if (!isRefused) wrong.push(`${route.name} ${JSON.stringify(site)}: ${status}`);
    }
  }
  assert.deepEqual(wrong, []);
  const own = { Cookie: `millrace=${session}` };
  assert.equal((await ask('GET', '/admin/me', own)).status, 200, 'the session still stands');
});

test('what is listed as an exception is there', () => {
  const names = new Set(server.adminRoutes);
  const gone = Object.keys({ ...READING, ...NEVER_MISSING }).filter((name) => !names.has(name));
  assert.deepEqual(gone, []);
});
