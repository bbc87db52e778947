/**
 * Who asks: the admin token, an API token, or the session of somebody who signed in. A session is
 * a cookie, so what it changes must come from our own pages (Sec-Fetch-Site, else Origin).
 */
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import { createHash, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '../base/errors.ts';
import { tokenActor } from '../store/people/api-tokens.ts';
import { ADMIN_TOKEN_ACTOR } from '../store/people/audit.ts';
import type { Actor, User } from '../store/people/people-shapes.ts';
import { sessionUser } from '../store/people/sessions.ts';
import type { Store } from '../store/store.ts';

/** The second name is for plain HTTP on the machine itself, where `__Host-` cannot be. */
export const SESSION_COOKIES = ['__Host-millrace', 'millrace'] as const;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What is as good as the admin token. */
export interface AdminTokenChecks {
  isToken(text: string): boolean;
  /** Of a cookie that was given for it. */
  isSession(cookie: string): boolean;
}

/** @throws MillraceError UNAUTHORIZED, or FORBIDDEN for a change that another site sends. */
export function identify(c: Context, store: Store, admin: AdminTokenChecks): Actor {
  const header = c.req.header('authorization');
  if (header !== undefined) {
    const token = header.replace(/^Bearer\s+/i, '');
    if (admin.isToken(token)) return ADMIN_TOKEN_ACTOR;
    const actor = tokenActor(store, token);
    if (actor) return actor;
    throw new MillraceError('UNAUTHORIZED', 'The token is unknown, revoked or too old');
  }
  const session = sessionOf(c);
  const isAdmin = session !== undefined && admin.isSession(session);
  const user = session === undefined || isAdmin ? undefined : sessionUser(store, session);
  if (!user && !isAdmin) {
    throw new MillraceError('UNAUTHORIZED', 'Sign in, or send Authorization: Bearer <token>');
  }
  if (!SAFE_METHODS.has(c.req.method)) requireOwnPage(c);
  return user ? actorOfUser(user) : ADMIN_TOKEN_ACTOR;
}

export function sessionOf(c: Context): string | undefined {
  return SESSION_COOKIES.map((name) => getCookie(c, name)).find((value) => value !== undefined);
}

export function actorOfUser({ id, email, role, sources }: User): Actor {
  return { type: 'user', id, name: email, role, sources, scopes: [] };
}

/** @throws MillraceError FORBIDDEN */
export function requireOwnPage(c: Context): void {
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const isOwn =
    site === undefined
      ? origin !== undefined && hostOf(origin) === c.req.header('host')
      : site === 'same-origin';
  if (isOwn) return;
  throw new MillraceError('FORBIDDEN', 'A change with a session must come from our own pages');
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    // `null`, as sandboxed pages send it, is no host of ours.
    return null;
  }
}

/** Compares digests, so that neither length nor content of the token shows in the time taken. */
export function tokenCheck(token: string): (given: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}
