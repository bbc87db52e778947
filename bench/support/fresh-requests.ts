/** Requests whose messageIds never come twice: a repeated one is a duplicate, which is cheaper. */
import { httpRequest } from './load.ts';
import { realisticBatch, realisticEvent } from './realistic-events.ts';

const ID_FIELD = '"messageId":"';
/** Of the uuid at the end of each messageId, as `realistic-events.ts` makes them. */
const COUNTER_DIGITS = 12;
const HEX = '0123456789abcdef';

interface Template {
  bytes: Buffer;
  /** Where the last digits of each messageId begin. */
  counters: number[];
}

const SINGLES = 2_000;
const EVENTS_IN_BATCHES = 20_000;

/** Single events of a shop, each to the path of its type. */
export function freshSingles(authorization: string): () => Buffer {
  const requests = Array.from({ length: SINGLES }, () => {
    const event = realisticEvent(Date.now());
    return httpRequest(`/v1/${String(event['type'])}`, JSON.stringify(event), authorization);
  });
  return freshRequests(requests);
}

/** Batches of events of a shop. */
export function freshBatches(size: number, authorization: string): () => Buffer {
  const requests = Array.from({ length: Math.ceil(EVENTS_IN_BATCHES / size) }, () =>
    httpRequest('/v1/batch', realisticBatch(size), authorization),
  );
  return freshRequests(requests);
}

/**
 * The given requests in turn, each time with new messageIds; everything else repeats, since making
 * events costs the generator more than taking them costs the server.
 */
function freshRequests(requests: readonly Buffer[]): () => Buffer {
  const templates = requests.map(templateOf);
  let next = 0;
  let ids = 0;
  return () => {
    const template = templates[next++ % templates.length];
    if (template === undefined) throw new Error('a request is needed');
    for (const at of template.counters) putCounter(template.bytes, at, ids++);
    return Buffer.from(template.bytes);
  };
}

/** The given requests in turn, again and again, as they are. */
export function inTurn(requests: readonly Buffer[]): () => Buffer {
  let next = 0;
  return () => requests[next++ % requests.length] ?? Buffer.alloc(0);
}

function templateOf(bytes: Buffer): Template {
  const counters: number[] = [];
  for (let at = bytes.indexOf(ID_FIELD); at >= 0; at = bytes.indexOf(ID_FIELD, at + 1)) {
    counters.push(bytes.indexOf('"', at + ID_FIELD.length) - COUNTER_DIGITS);
  }
  return { bytes, counters };
}

function putCounter(bytes: Buffer, at: number, count: number): void {
  let rest = count;
  for (let digit = at + COUNTER_DIGITS - 1; digit >= at; digit--) {
    bytes[digit] = HEX.charCodeAt(rest % 16);
    rest = Math.floor(rest / 16);
  }
}
