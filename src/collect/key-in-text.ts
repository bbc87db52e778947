/** The write key of a body that is no JSON, as one that was cut off on its way. */

/** SDKs write it first or last. */
const SEARCHED_BYTES = 65_536;
const WRITE_KEY = /"writeKey"\s*:\s*"([\x21\x23-\x5b\x5d-\x7e]{1,200})"/;

/** Undefined when there is none to be seen. Whether it is a key at all is for others to say. */
export function keyInText(bytes: Buffer): string | undefined {
  const head = WRITE_KEY.exec(bytes.toString('latin1', 0, SEARCHED_BYTES))?.[1];
  if (head !== undefined || bytes.length <= SEARCHED_BYTES) return head;
  return WRITE_KEY.exec(bytes.toString('latin1', bytes.length - SEARCHED_BYTES))?.[1];
}
