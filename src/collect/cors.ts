/**
 * Cross-origin rules for browsers. SDKs since 1.84 send `Authorization`, and `X-Retry-Count` on a
 * retry, so every event has a preflight; `Retry-After` must be exposed or the SDK cannot see it;
 * `credentials: include` is configurable, so the origin is echoed rather than `*`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderList } from './answers.ts';

export type AllowedOrigins = '*' | readonly string[];

const PREFLIGHT_SECONDS = '86400';
const ALLOWED_HEADERS = 'authorization, content-type, content-encoding, x-retry-count';
const EXPOSED_HEADERS = 'Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset';

/** Adds the headers of an actual (not preflight) answer. */
export function pushCorsHeaders(
  headers: HeaderList,
  request: IncomingMessage,
  allowed: AllowedOrigins,
): void {
  const origin = request.headers.origin;
  if (origin === undefined || !isAllowed(origin, allowed)) return;
  headers.push(
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Allow-Credentials',
    'true',
    'Access-Control-Expose-Headers',
    EXPOSED_HEADERS,
    'Vary',
    'Origin',
  );
}

/** The same as lines of a head, for an answer that is written by hand. */
export function allowedOrigin(origin: string | undefined, allowed: AllowedOrigins): string[] {
  if (origin === undefined || !isAllowed(origin, allowed)) return [];
  return [
    `Access-Control-Allow-Origin: ${origin}`,
    'Access-Control-Allow-Credentials: true',
    'Vary: Origin',
  ];
}

/** Answers `OPTIONS`: 204, with the custom headers the browser asked for allowed as well. */
export function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: AllowedOrigins,
): void {
  const headers: HeaderList = [];
  pushCorsHeaders(headers, request, allowed);
  if (headers.length > 0) {
    const asked = request.headers['access-control-request-headers'];
    headers.push(
      'Access-Control-Allow-Methods',
      'GET, POST, OPTIONS',
      'Access-Control-Allow-Headers',
      asked === undefined ? ALLOWED_HEADERS : mergeHeaderNames(asked),
      'Access-Control-Max-Age',
      PREFLIGHT_SECONDS,
    );
  }
  headers.push('Content-Length', '0');
  response.writeHead(204, headers);
  response.end();
}

function mergeHeaderNames(asked: string): string {
  const names = new Set(ALLOWED_HEADERS.split(', '));
  for (const name of asked.split(',')) {
    const lower = name.trim().toLowerCase();
    if (/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(lower)) names.add(lower);
  }
  return [...names].join(', ');
}

function isAllowed(origin: string, allowed: AllowedOrigins): boolean {
  return allowed === '*' || allowed.includes(origin);
}
