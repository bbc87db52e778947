/** Whether a text is a key that signatures of SDKs can be checked with. */
import { createPublicKey } from 'node:crypto';

const RSA_BITS_MIN = 2_048;

export function isRsaPublicKey(pem: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(pem);
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    return asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN;
  } catch {
    return false; // Not a key.
  }
}
