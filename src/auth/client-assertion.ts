/**
 * The assertion with which a client asks for an access token: a JWT that it has signed (RFC 7523).
 * Reasons are in the words that Segment's SDKs look for: they correct their clocks and ask again
 * at "Token is expired" and "Token used before issued".
 */
import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isObject, parseJson } from '../events/json.ts';
import type { OauthClient } from '../store/sources/source-shapes.ts';
import { clientTag } from './access-tokens.ts';

/** Segment's SDKs sign for a minute. What lives for long would be worth stealing. */
export const ASSERTION_SECONDS_MAX = 300;
const CLOCK_SECONDS = 5;
const ASSERTION_CHARS_MAX = 8_192;
const JTI_CHARS_MAX = 200;

export interface KnownClient {
  id: string;
  key: KeyObject;
  tag: string;
}

export type AssertionReading =
  /** From `endsAtSeconds` on it is refused by itself. */
  | { ok: true; client: KnownClient; jti: string; endsAtSeconds: number }
  | { ok: false; error: 'invalid_request' | 'invalid_client'; description: string };

export interface AssertionRules {
  /** Those with that id; several while a key is being replaced. */
  clientsOf(id: string): readonly KnownClient[];
  /** Hosts under which this server is known; the assertion has to be for one of them. */
  hosts: readonly string[];
  nowSeconds: number;
}

export function knownClient(client: OauthClient): KnownClient {
  return { id: client.id, key: createPublicKey(client.publicKey), tag: clientTag(client) };
}

/** Whether an assertion is one of a known client, for us, and for now. */
export function readAssertion(text: string, rules: AssertionRules): AssertionReading {
  const parts = text.length > ASSERTION_CHARS_MAX ? [] : text.split('.');
  const [head = '', body = '', signature = ''] = parts;
  const header = jsonOf(head);
  const claims = jsonOf(body);
  if (parts.length !== 3 || !header || !claims) return request('client_assertion is not a JWT');
  if (header['alg'] !== 'RS256') return request('The algorithm of client_assertion is not RS256');
  const { iss, sub, jti } = claims;
  if (typeof iss !== 'string' || iss !== sub) return request('iss and sub are not one client id');
  const signed = Buffer.from(`${head}.${body}`);
  const client = rules.clientsOf(iss).find(({ key }) => {
    return verify('sha256', signed, key, Buffer.from(signature, 'base64url'));
  });
  if (!client) {
    const description = 'The client is not known, or has not signed this with its key';
    return { ok: false, error: 'invalid_client', description };
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > JTI_CHARS_MAX) {
    return request('jti is missing or no text of 1 to 200 characters');
  }
  const problem = timeProblem(claims, rules) ?? audienceProblem(claims, rules);
  if (problem !== undefined) return request(problem);
  const endsAtSeconds = Math.ceil(Number(claims['exp'])) + CLOCK_SECONDS;
  return { ok: true, client, jti, endsAtSeconds };
}

type Claims = Record<string, unknown>;

function timeProblem(
  { exp, iat, nbf }: Claims,
  { nowSeconds }: AssertionRules,
): string | undefined {
  if (typeof exp !== 'number') return 'exp is missing';
  if (nowSeconds >= exp + CLOCK_SECONDS) return 'Token is expired';
  for (const start of [iat, nbf]) {
    const isEarly = typeof start === 'number' && nowSeconds < start - CLOCK_SECONDS;
    if (isEarly) return 'Token used before issued';
  }
  if (exp > nowSeconds + ASSERTION_SECONDS_MAX) {
    return `exp is more than ${ASSERTION_SECONDS_MAX} seconds ahead`;
  }
  return undefined;
}

/** One for another server may have been stolen there. */
function audienceProblem({ aud }: Claims, { hosts }: AssertionRules): string | undefined {
  const named = [aud].flat().map((one) => (typeof one === 'string' ? hostOf(one) : ''));
  if (named.some((host) => hosts.includes(host))) return undefined;
  return `aud is not this server (${hosts.join(', ')}); set collector.publicUrl if it is`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

function jsonOf(part: string): Claims | undefined {
  try {
    const parsed = parseJson(Buffer.from(part, 'base64url'));
    return isObject(parsed) ? parsed : undefined;
  } catch {
    return undefined; // Whoever sends no JSON hears that it is no JWT.
  }
}

function request(description: string): AssertionReading {
  return { ok: false, error: 'invalid_request', description };
}
