/** The requests of openid-client through the guard: no redirects, bounded answers. */
import type * as OpenidClient from 'openid-client';
import type { HttpRequest, Net } from './net.ts';

const ANSWER_BYTES_MAX = 2 ** 20;
/** Statuses whose answers have no body, as the constructor of answers insists. */
const BODILESS = new Set([204, 205, 304]);

export function openidFetch(net: Net): OpenidClient.CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    const answer = await net.request({
      method: method as HttpRequest['method'],
      url,
      headers,
      ...(body && { body: bodyText(body) }),
      signal,
      responseBytesMax: ANSWER_BYTES_MAX,
    });
    const { status, headers: answered } = answer;
    const kept = BODILESS.has(status) ? null : new Uint8Array(answer.body);
    return new Response(kept, { status, headers: { ...answered } });
  };
}

function bodyText(body: NonNullable<OpenidClient.FetchBody>): string | Uint8Array {
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new Error('the library sends a body of another kind');
}
