/** The cookie of a session that begins. */
import type { Context } from 'hono';
import { setCookie } from 'hono/cookie';
import { SESSION_MS_MAX, beginSession, endSession } from '../store/people/sessions.ts';
import type { Store } from '../store/store.ts';
import type { User } from '../store/people/people-shapes.ts';
import { sessionOf } from './guard.ts';

/** Signs somebody in, in this browser. */
export function startSession(c: Context, store: Store, user: User): void {
  const old = sessionOf(c);
  // A session that was planted in the browser before must not become this person's.
  if (old !== undefined) endSession(store, old);
  const secret = beginSession(store, user.id, c.req.header('user-agent') ?? '');
  setSessionCookie(c, secret, SESSION_MS_MAX);
}

/** @param validMs how long the browser keeps it. */
export function setSessionCookie(c: Context, secret: string, validMs: number): void {
  const isSecure = c.req.header('x-forwarded-proto') === 'https';
  setCookie(c, isSecure ? '__Host-millrace' : 'millrace', secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'Strict',
    secure: isSecure,
    maxAge: validMs / 1000,
  });
}
