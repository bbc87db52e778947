/**
 * What the log keeps of one request: an envelope, and then the body as it was received
 * (decompressed). Integers are little endian; texts are UTF-8.
 *
 *     0     1     2     3     4        12       16      20      24    26    28       32
 *     +-----+-----+-----+-----+--------+--------+-------+-------+-----+-----+--------+-- - -
 *     |ver 2|kind |route|flags|received|source  |key    |events |ip   |agent|rejec-  | ip,
 *     | u8  | u8  | u8  | u8  |ms u64  |u32     |u32    |u32    |u16  |u16  |tions   | agent,
 *     |     |     |     |     |        |        |       |       |bytes|bytes|u32 b   | rejections,
 *     +-----+-----+-----+-----+--------+--------+-------+-------+-----+-----+--------+ marks, body
 *
 * Marks are 16 bytes for each event of a request of kind 1 (event-marks.ts). Version 1 had none.
 *
 * kind 1 is a request whose body could be decoded: the body is whole, and the rejections name the
 * items that are not stored. Kind 2 could not be decoded: one received event, rejected, and the
 * body is a sample. Flag 1: the route is of the client class. Rejections are JSON.
 */
import { assert } from '../base/assert.ts';
import { MARK_BYTES } from './event-marks.ts';
import { routeByCode, routeByName } from './routes.ts';
import type { RouteName } from './routes.ts';

export interface Rejection {
  /** Place in the batch, 0 for a single event. */
  index: number;
  type: 'validation_error';
  /** A reason code of docs/errors.md. */
  code: string;
  message: string;
  /** Path of the offending value. */
  field?: string | undefined;
  messageId?: string | undefined;
  eventType?: string | undefined;
}

export interface Envelope {
  kind: 'accepted' | 'rejected';
  route: RouteName;
  receivedAtMs: number;
  sourceNumber: number;
  keyNumber: number;
  /** Events in the request, rejected ones included. */
  eventCount: number;
  ip: string;
  userAgent: string;
  isClient: boolean;
  rejections: readonly Rejection[];
  /** For each event, as event-marks.ts says; null: the record is older than marks. */
  marks: Buffer | null;
}

const VERSION = 2;
const VERSION_WITHOUT_MARKS = 1;
const FIXED_BYTES = 32;
const USER_AGENT_CHARS_MAX = 1024;
const IP_CHARS_MAX = 64;
const HIGH = 2 ** 32;

let scratch = Buffer.allocUnsafe(8192);

/** Returns a view that is valid until the next call. */
export function encodeEnvelope(envelope: Envelope): Buffer {
  const { rejections, marks } = envelope;
  const markBytes = marks?.length ?? 0;
  const texts = rejections.length === 0 ? '' : JSON.stringify(rejections);
  const bytesMax =
    FIXED_BYTES + 3 * (IP_CHARS_MAX + USER_AGENT_CHARS_MAX) + Buffer.byteLength(texts) + markBytes;
  if (scratch.length < bytesMax) scratch = Buffer.allocUnsafe(bytesMax);
  const route = routeByName(envelope.route);
  assert(route, 'an envelope names a known route');
  assert(
    marks === null || markBytes === (isMarked(envelope) ? envelope.eventCount * MARK_BYTES : 0),
    'each event of a decoded request has a mark',
  );
  scratch[0] = marks === null ? VERSION_WITHOUT_MARKS : VERSION;
  scratch[1] = envelope.kind === 'accepted' ? 1 : 2;
  scratch[2] = route.code;
  scratch[3] = envelope.isClient ? 1 : 0;
  scratch.writeUInt32LE(envelope.receivedAtMs % HIGH, 4);
  scratch.writeUInt32LE(Math.floor(envelope.receivedAtMs / HIGH), 8);
  scratch.writeUInt32LE(envelope.sourceNumber, 12);
  scratch.writeUInt32LE(envelope.keyNumber, 16);
  scratch.writeUInt32LE(envelope.eventCount, 20);
  let at = FIXED_BYTES;
  const ipBytes = scratch.write(envelope.ip.slice(0, IP_CHARS_MAX), at);
  at += ipBytes;
  const agentBytes = scratch.write(envelope.userAgent.slice(0, USER_AGENT_CHARS_MAX), at);
  at += agentBytes;
  const rejectionBytes = texts === '' ? 0 : scratch.write(texts, at);
  at += rejectionBytes;
  if (marks !== null) at += marks.copy(scratch, at);
  scratch.writeUInt16LE(ipBytes, 24);
  scratch.writeUInt16LE(agentBytes, 26);
  scratch.writeUInt32LE(rejectionBytes, 28);
  return scratch.subarray(0, at);
}

function isMarked({ kind }: Pick<Envelope, 'kind'>): boolean {
  return kind === 'accepted';
}

/** Takes a payload apart; marks and body are views of it. */
export function decodePayload(payload: Uint8Array): { envelope: Envelope; body: Buffer } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const version = bytes[0];
  assert(
    bytes.length >= FIXED_BYTES && (version === VERSION || version === VERSION_WITHOUT_MARKS),
    'a payload has envelope version 1 or 2',
  );
  const route = routeByCode(bytes[2] ?? 0);
  assert(route, 'an envelope holds a known route code');
  const ipEnd = FIXED_BYTES + bytes.readUInt16LE(24);
  const agentEnd = ipEnd + bytes.readUInt16LE(26);
  const rejectionsEnd = agentEnd + bytes.readUInt32LE(28);
  const kind = bytes[1] === 1 ? 'accepted' : 'rejected';
  const eventCount = bytes.readUInt32LE(20);
  const marksEnd =
    rejectionsEnd + (version === VERSION && isMarked({ kind }) ? eventCount * MARK_BYTES : 0);
  assert(marksEnd <= bytes.length, 'an envelope is inside its payload');
  const envelope: Envelope = {
    kind,
    route: route.name,
    receivedAtMs: bytes.readUInt32LE(4) + bytes.readUInt32LE(8) * HIGH,
    sourceNumber: bytes.readUInt32LE(12),
    keyNumber: bytes.readUInt32LE(16),
    eventCount,
    ip: bytes.toString('utf8', FIXED_BYTES, ipEnd),
    userAgent: bytes.toString('utf8', ipEnd, agentEnd),
    isClient: ((bytes[3] ?? 0) & 1) === 1,
    rejections:
      rejectionsEnd === agentEnd
        ? []
        : (JSON.parse(bytes.toString('utf8', agentEnd, rejectionsEnd)) as Rejection[]),
    marks: version === VERSION ? bytes.subarray(rejectionsEnd, marksEnd) : null,
  };
  return { envelope, body: bytes.subarray(marksEnd) };
}
