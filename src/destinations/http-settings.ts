/** Settings that destinations over HTTP share, and how they are checked. */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { Net } from '../net/net.ts';

const URL_CHARS_MAX = 2_048;
const HEADERS_MAX = 50;
const HEADER_CHARS_MAX = 8_192;
/** RFC 9110 §5.1: a token. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/;
/** RFC 9110 §5.5: no control characters, so no second header can hide in a value. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** They describe the connection or the body, which are not the settings' business. */
const RESERVED_HEADER =
  /^(host|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|user-agent|proxy-.*)$/;
/** What Millrace signs and says about a request. */
const OWN_HEADER = /^(x-signature|idempotency-key|x-millrace-.*)$/;

/** A URL; `checkUrlSetting` asks the guard. */
export function urlField(description: string) {
  return z
    .string()
    .min(1)
    .max(URL_CHARS_MAX)
    .meta({ label: 'URL', description, allowed: 'http:// or https:// URL' });
}

/** Header values are secret, because that is where services want their keys. */
export const headersField = z
  .record(z.string(), z.string())
  .refine(areHeaders)
  .meta({
    label: 'Headers',
    description: 'Headers of every request, such as Authorization.',
    allowed: `object of up to ${HEADERS_MAX} headers with text of one line, none that Millrace sets`,
    isSecret: true,
  });

function areHeaders(headers: Record<string, string>): boolean {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.length > HEADERS_MAX || new Set(names).size < names.length) return false;
  return Object.entries(headers).every(
    ([name, value]) =>
      HEADER_NAME.test(name) &&
      value.length <= HEADER_CHARS_MAX &&
      HEADER_VALUE.test(value) &&
      !RESERVED_HEADER.test(name.toLowerCase()) &&
      !OWN_HEADER.test(name.toLowerCase()),
  );
}

/** Asks the guard about a URL of the settings. @throws MillraceError DESTINATION_INVALID */
export function checkUrlSetting(net: Net, field: string, url: string): void {
  try {
    net.checkUrl(url);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    throw new MillraceError('DESTINATION_INVALID', `${field}: ${error.message}`, { field });
  }
}
