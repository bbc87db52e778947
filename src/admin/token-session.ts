/**
 * The session of whoever came with the admin token, so that a page need not keep the token where
 * its scripts can read it. Signed with the token and stored nowhere: it ends by itself, and at once
 * when the token is replaced.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';

export interface TokenSessions {
  /** What the cookie is to hold. */
  begin(): string;
  isValid(cookie: string): boolean;
}

export const TOKEN_SESSION_MS = 12 * 3_600_000;
const FORM = /^token\.(\d{1,15})\.([\w-]{43})$/;

export function createTokenSessions(token: string, clock: Clock): TokenSessions {
  const signatureOf = (endsAtMs: number): Buffer =>
    createHmac('sha256', token).update(`millrace session until ${endsAtMs}`).digest();
  return {
    begin() {
      const endsAtMs = clock.wallMs() + TOKEN_SESSION_MS;
      return `token.${endsAtMs}.${signatureOf(endsAtMs).toString('base64url')}`;
    },
    isValid(cookie) {
      const [, ends, signature] = FORM.exec(cookie) ?? [];
      if (ends === undefined || signature === undefined) return false;
      const given = Buffer.from(signature, 'base64url');
      const isOwn = timingSafeEqual(given, signatureOf(Number(ends)));
      return isOwn && Number(ends) > clock.wallMs();
    },
  };
}
