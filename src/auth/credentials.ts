/**
 * Reads the Authorization header as SDKs write it (SDK reality): `Basic base64(writeKey:)`, with
 * or without the colon, a password after it, or padding; standard or URL-safe alphabet. `Bearer`
 * (OAuth) says who the sender is, not the source: the write key is then in the body.
 */

export type Credentials =
  /** No header: the key is in the body or query, or nowhere. */
  | { kind: 'none' }
  | { kind: 'basic'; writeKey: string }
  | { kind: 'bearer' }
  /** A header that is none of these; refused even when the body has a key. */
  | { kind: 'malformed' };

const NONE: Credentials = { kind: 'none' };
const BEARER: Credentials = { kind: 'bearer' };
const MALFORMED: Credentials = { kind: 'malformed' };

const HEADER_CHARS_MAX = 4_096;
const BASIC = /^Basic +([A-Za-z0-9+/_-]+)={0,2} *$/i;
const BEARER_SCHEME = /^Bearer +\S/i;
/** What a key may be made of: visible ASCII, so that it has one spelling and one digest. */
const WRITE_KEY = /^[\x21-\x7e]{1,200}$/;

/** What an Authorization header says, without knowing whether the key exists. */
export function readCredentials(authorization: string | undefined): Credentials {
  if (authorization === undefined || authorization === '') return NONE;
  if (authorization.length > HEADER_CHARS_MAX) return MALFORMED;
  if (isBearer(authorization)) return BEARER;
  const encoded = BASIC.exec(authorization)?.[1];
  // One character more than a multiple of 4 is no base64 of anything.
  if (encoded === undefined || encoded.length % 4 === 1) return MALFORMED;
  const decoded = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  const writeKey = colon < 0 ? decoded : decoded.slice(0, colon);
  return isWriteKey(writeKey) ? { kind: 'basic', writeKey } : MALFORMED;
}

/** True when the header leaves the write key to the body. */
export function isBearer(authorization: string): boolean {
  return BEARER_SCHEME.test(authorization);
}

/** What is behind `Bearer`, of a header that `isBearer`. */
export function bearerToken(authorization: string): string {
  return authorization.slice(authorization.indexOf(' ')).trim();
}

/** True for text that can be a key at all; anything else needs no look-up. */
export function isWriteKey(text: string): boolean {
  return WRITE_KEY.test(text);
}
