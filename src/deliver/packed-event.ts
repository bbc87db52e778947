/** A stored event as a row of its own keeps it, compressed. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { NormalEvent } from '../events/normalise.ts';
import { fieldsOf, storedEvent } from '../events/raw-event.ts';
import type { StoredEvent } from '../events/raw-event.ts';

/** An event that must outlive the log. Its message comes last and stays as it was sent. */
export function packEvent(event: StoredEvent): Uint8Array {
  const text = JSON.stringify(fieldsOf(event)).slice(0, -1);
  const parts = [Buffer.from(`${text}${MESSAGE_KEY}`), event.json, Buffer.from('}')];
  return deflateRawSync(Buffer.concat(parts));
}

/** Inside of texts quotes are escaped, so the first of these is the key. */
const MESSAGE_KEY = ',"message":';

/** The event as it was packed. */
export function unpackEvent(body: Uint8Array): StoredEvent {
  const bytes = inflateRawSync(body);
  const event = JSON.parse(bytes.toString('utf8')) as NormalEvent;
  const start = bytes.indexOf(MESSAGE_KEY) + MESSAGE_KEY.length;
  return storedEvent(event, bytes.subarray(start, bytes.length - 1));
}
