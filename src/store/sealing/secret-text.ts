/** Secrets that we hand out and keep only as digests: tokens, sessions, invitations. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Random } from '../../base/random.ts';

const SECRET_BYTES = 32;
const CHECKSUM_DIGITS = 8;

/** SHA-256, hexadecimal. The secrets are random, so nothing slower is needed. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** A random secret of 256 bits, as text for cookies and links. */
export function newSecret(random: Random): string {
  return Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url');
}

/**
 * A secret that scanners can find in repositories, and tell from one that only looks like it:
 * prefix, random part, checksum of both.
 */
export function newMarkedSecret(random: Random, prefix: string): string {
  const body = prefix + newSecret(random);
  return body + checksumOf(body);
}

/** False for a mistyped or invented one; says nothing of whether it is known. */
export function isWellMarked(secret: string, prefix: string): boolean {
  if (!secret.startsWith(prefix) || secret.length <= prefix.length + CHECKSUM_DIGITS) return false;
  const body = secret.slice(0, -CHECKSUM_DIGITS);
  return checksumOf(body) === secret.slice(-CHECKSUM_DIGITS);
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_DIGITS, '0');
}
