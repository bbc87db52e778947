/** People of the admin listener, signed in. */
import assert from 'node:assert/strict';
import type { TestServer } from './test-server.ts';

const PASSWORD = 'correct horse battery';
const OWN_PAGE = { 'Sec-Fetch-Site': 'same-origin' };

export interface Asked {
  method?: string;
  body?: unknown;
  /** By default the admin token asks. */
  cookie?: string;
}

export interface Answer<T> {
  status: number;
  text: string;
  value: T;
}

/** Asks a path below `/admin`. */
export async function askAdmin<T = Record<string, unknown>>(
  server: TestServer,
  path: string,
  asked: Asked = {},
): Promise<Answer<T>> {
  const { method = asked.body === undefined ? 'GET' : 'POST', body, cookie } = asked;
  const who = cookie
    ? { Cookie: cookie, ...OWN_PAGE }
    : { Authorization: `Bearer ${server.token}` };
  const response = await fetch(`${server.adminUrl}/admin${path}`, {
    method,
    headers: who,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, text, value: (isJson ? JSON.parse(text) : undefined) as T };
}

/** The cookie of a new person, who may see and change only these sources when they are given. */
export async function signedIn(
  server: TestServer,
  role: string,
  sources?: { read: string[]; write: string[] },
): Promise<string> {
  const people = await askAdmin<{ role: string }[]>(server, '/users');
  // Nobody is changed while there is no owner.
  const hasOwner = people.value.some((person) => person.role === 'owner');
  if (!hasOwner) await newPerson(server, 'owner', 'owner@example.com');
  const email = `person-${people.value.length}@example.com`;
  const id = await newPerson(server, role, email);
  if (sources) {
    const path = `/users/${id}`;
    const changed = await askAdmin(server, path, { method: 'PATCH', body: { sources } });
    assert.equal(changed.status, 200, changed.text);
  }
  const response = await fetch(`${server.adminUrl}/admin/sign-in`, {
    method: 'POST',
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

/** Their id. */
async function newPerson(server: TestServer, role: string, email: string): Promise<string> {
  const invited = await askAdmin<object>(server, '/invitations', { body: { email, role } });
  const body = { ...invited.value, name: email, password: PASSWORD };
  const made = await askAdmin<{ id: string }>(server, '/invitations/accept', { body });
  assert.equal(made.status, 201, made.text);
  return made.value.id;
}
