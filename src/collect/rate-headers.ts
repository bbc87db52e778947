/**
 * Rate-limit headers are on every answer to a known source (seed: Rate Limit Headers). The reset
 * is epoch seconds on the word endpoints (seed) and delta seconds on the letter endpoints, which
 * browsers and mobiles use: old browser SDKs multiply it by 1000 and misread an epoch.
 */
import type { Access } from '../auth/authenticator.ts';
import { answerError, answerPixel } from './answers.ts';
import type { CollectContext } from './context.ts';
import type { Exchange } from './exchange.ts';

/** Takes a token; when there is none, answers 429 and returns true. */
export function refuseForRate(
  context: CollectContext,
  exchange: Exchange,
  access: Access,
): boolean {
  if (context.takeToken(access)) return false;
  const retryAfter = Math.max(1, Math.ceil(context.msUntilToken() / 1000));
  context.cells.limited(access).value++;
  context.cells.status(429).value++;
  if (exchange.isPixel) {
    answerPixel(exchange.response, exchange.headers, 429);
    return true;
  }
  pushReset(exchange, access, 0, retryAfter);
  answerError(exchange.response, exchange.headers, {
    status: 429,
    type: 'rate_limit_exceeded',
    code: 'rate_limit_exceeded',
    message: 'Rate limit exceeded',
    retryAfter,
  });
  return true;
}

/** Adds limit, what is left of it, and when it is whole again. */
export function pushRateHeaders(context: CollectContext, exchange: Exchange, access: Access): void {
  const remaining = context.tokensLeft(access);
  const { requestsPerSecond, burst } = access.limits;
  pushReset(exchange, access, remaining, Math.ceil((burst - remaining) / requestsPerSecond));
}

function pushReset(
  exchange: Exchange,
  access: Access,
  remaining: number,
  secondsUntilFull: number,
): void {
  const reset = exchange.route.hasDeltaReset
    ? secondsUntilFull
    : Math.floor(exchange.receivedAtMs / 1000) + secondsUntilFull;
  exchange.headers.push(
    'X-RateLimit-Limit',
    String(access.limits.requestsPerSecond),
    'X-RateLimit-Remaining',
    String(remaining),
    'X-RateLimit-Reset',
    String(reset),
  );
}
