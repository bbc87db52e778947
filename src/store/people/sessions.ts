/** Who is signed in. The cookie is a random secret; only its digest is kept. */
import type { Store } from '../store.ts';
import { digestOf, newSecret } from '../sealing/secret-text.ts';
import { findUser } from './users.ts';
import type { User } from './people-shapes.ts';

export const SESSION_IDLE_MS = 12 * 3_600_000;
export const SESSION_MS_MAX = 7 * 24 * 3_600_000;
/** Last use is written at most so often. */
const TOUCH_MS = 60_000;

/** Returns the secret for the cookie. A sign-in always begins a new session. */
export function beginSession(store: Store, userId: string, userAgent: string): string {
  const secret = newSecret(store.random);
  const now = store.clock.wallMs();
  store.database.prepare('delete from sessions where expires_at_ms < ?').run(now);
  store.database
    .prepare(
      `insert into sessions (digest, user_id, created_at_ms, last_used_at_ms, expires_at_ms,
         user_agent) values (?, ?, ?, ?, ?, ?)`,
    )
    .run(digestOf(secret), userId, now, now, now + SESSION_MS_MAX, userAgent.slice(0, 300));
  return secret;
}

/** The enabled user of a session that has neither expired nor lain idle. */
export function sessionUser(store: Store, secret: string): User | undefined {
  const digest = digestOf(secret);
  const now = store.clock.wallMs();
  const row = store.database.prepare('select * from sessions where digest = ?').get(digest);
  if (!row) return undefined;
  const lastUsedMs = Number(row['last_used_at_ms']);
  if (now > Number(row['expires_at_ms']) || now - lastUsedMs > SESSION_IDLE_MS) {
    endSession(store, secret);
    return undefined;
  }
  if (now - lastUsedMs > TOUCH_MS) {
    store.database
      .prepare('update sessions set last_used_at_ms = ? where digest = ?')
      .run(now, digest);
  }
  const user = findUser(store, String(row['user_id']));
  return user?.isEnabled ? user : undefined;
}

export function endSession(store: Store, secret: string): void {
  store.database.prepare('delete from sessions where digest = ?').run(digestOf(secret));
}
