/**
 * Headers by which a receiver knows that a request comes from somebody who has the shared secret.
 * `X-Signature` is Segment's; it says nothing about time, and with batches covers the first event
 * only. `X-Millrace-Signature` covers the moment and the whole body, so replays can be refused.
 */
import { createHmac } from 'node:crypto';

/**
 * @param signed.first the whole body, or of a batch the JSON of its first event.
 * @param signed.wallMs when the request is made.
 */
export function signatureHeaders(
  secret: string,
  signed: { first: Uint8Array; body: Uint8Array; wallMs: number },
): Record<string, string> {
  const seconds = Math.floor(signed.wallMs / 1000);
  const whole = createHmac('sha256', secret)
    .update(`${seconds}.`)
    .update(signed.body)
    .digest('hex');
  return {
    'X-Signature': createHmac('sha1', secret).update(signed.first).digest('hex'),
    'X-Millrace-Signature': `t=${seconds},v1=${whole}`,
  };
}
