/**
 * Access tokens that SDKs get for a signed assertion and send with their events: text that says
 * which client it is for and until when, with a MAC that every collector thread can make again.
 *
 *     mro_<tag of the client>.<end, epoch seconds>.<HMAC-SHA256 of both>
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { OauthClient } from '../store/sources/source-shapes.ts';
import { bearerToken, isBearer } from './credentials.ts';
import type { SourceEntry } from './snapshot.ts';

/** SDKs ask for the next one when half of it has passed. */
export const ACCESS_TOKEN_SECONDS = 3_600;
const TOKEN = /^mro_([0-9a-f]{32})\.(\d{1,12})\.([A-Za-z0-9_-]{43})$/;
const TAG_DIGITS = 32;

export type TokenRefusal = 'token_invalid' | 'token_expired' | 'token_foreign' | 'token_missing';
export type TokenReading = { ok: true; tag: string } | { ok: false; reason: TokenRefusal };

export interface AccessTokens {
  /** @param tag of `clientTag`. */
  issue(tag: string, nowMs: number): string;
  read(token: string, nowMs: number): TokenReading;
}

/** @param key of all threads and nodes; tokens of another key are invalid. */
export function createAccessTokens(key: Uint8Array): AccessTokens {
  const macOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url');
  return {
    issue(tag, nowMs) {
      const text = `${tag}.${Math.floor(nowMs / 1000) + ACCESS_TOKEN_SECONDS}`;
      return `mro_${text}.${macOf(text)}`;
    },
    read(token, nowMs) {
      const [, tag = '', end = '', mac = ''] = TOKEN.exec(token) ?? [];
      const isOurs = mac !== '' && isSame(mac, macOf(`${tag}.${end}`));
      if (!isOurs) return { ok: false, reason: 'token_invalid' };
      const isOver = nowMs >= Number(end) * 1000;
      return isOver ? { ok: false, reason: 'token_expired' } : { ok: true, tag };
    },
  };
}

/**
 * Why what a sender shows besides a good key is not enough. A source with neither clients nor the
 * wish for a token looks at none.
 */
export function tokenProblem(
  { oauth }: SourceEntry,
  authorization: string | undefined,
  tokens: AccessTokens,
  nowMs: number,
): TokenRefusal | undefined {
  if (oauth.clients.length === 0 && !oauth.required) return undefined;
  if (authorization === undefined || !isBearer(authorization)) {
    return oauth.required ? 'token_missing' : undefined;
  }
  const read = tokens.read(bearerToken(authorization), nowMs);
  if (!read.ok) return read.reason;
  const isOwn = oauth.clients.some((client) => clientTag(client) === read.tag);
  return isOwn ? undefined : 'token_foreign';
}

/** Of id and key, so that the tokens of a key end with it. */
export function clientTag({ id, publicKey }: OauthClient): string {
  const digest = createHash('sha256').update(JSON.stringify([id, publicKey.trim()]));
  return digest.digest('hex').slice(0, TAG_DIGITS);
}

function isSame(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
