/**
 * Secrets at rest: AES-256-GCM, with the place of the secret as associated data, so that a sealed
 * value cannot be moved to another row. Layout of a sealed value:
 *
 *     0        1            9          21                    n-16     n
 *     +--------+------------+----------+---------------------+--------+
 *     | format | key id     | nonce    | ciphertext          | tag    |
 *     | 1      | 8 bytes    | 12 bytes |                     | 16 b   |
 *     +--------+------------+----------+---------------------+--------+
 *
 * The key id is the beginning of the key's SHA-256: it tells which key is needed, not what it is.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { MillraceError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';

export const SEALING_KEY_BYTES = 32;
const FORMAT = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES;

export interface Sealer {
  /** @param place what the value belongs to, such as `destination/<id>`. */
  seal(plain: string, place: string): Uint8Array;
  /** @throws MillraceError SECRETS_SEALED when the key is another, or the value was changed. */
  open(sealed: Uint8Array, place: string): string;
  keyId: string;
  /** A key of 32 bytes for another purpose, the same wherever this key is. */
  keyFor(purpose: string): Uint8Array;
}

/**
 * @param key 32 bytes; seals, and opens what it has sealed.
 * @param others keys that only open, such as the other one of a rotation that was interrupted.
 */
export function createSealer(
  key: Uint8Array,
  random: Random,
  others: readonly Uint8Array[] = [],
): Sealer {
  const id = keyIdOf(key);
  const keys = new Map([key, ...others].map((one) => [keyIdOf(one).toString('hex'), one]));
  return {
    keyId: id.toString('hex'),
    keyFor: (purpose) => new Uint8Array(hkdfSync('sha256', key, '', purpose, SEALING_KEY_BYTES)),
    seal(plain, place) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(place));
      const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), id, nonce, text, cipher.getAuthTag()]);
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const keyId = bytes.subarray(1, 1 + KEY_ID_BYTES);
      const own = keys.get(keyId.toString('hex'));
      if (bytes[0] !== FORMAT || !own) {
        throw new MillraceError(
          'SECRETS_SEALED',
          `${place} is sealed with key ${keyId.toString('hex')}, not with ${id.toString('hex')}`,
        );
      }
      try {
        const nonce = bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', own, nonce);
        decipher.setAAD(Buffer.from(place));
        decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
        const text = bytes.subarray(HEAD_BYTES, bytes.length - TAG_BYTES);
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
      } catch (error) {
        const message = `${place} cannot be opened: it was changed`;
        throw new MillraceError('SECRETS_SEALED', message, { cause: error });
      }
    },
  };
}

function keyIdOf(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES);
}
