import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBody } from '../../src/events/decode.ts';
import {
  emptyMarks,
  MARK_BYTES,
  putPlainMark,
  putValueMark,
} from '../../src/events/event-marks.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import type { EventLimits } from '../../src/events/limits.ts';
import { EVENT_TYPES } from '../../src/events/routes.ts';
import type { EventType, Route } from '../../src/events/routes.ts';
import { createScanResult } from '../../src/events/scan-result.ts';
import { scanBody } from '../../src/events/scan.ts';
import { anyJson, damaged, nearlyBatch, nearlyEvent } from '../support/arbitrary-json.ts';

const RUNS = 3_000;
const SOURCE = 5;
/** Bytes of a mark that are the same whoever made it: all but the flags. */
const SAME_BYTES = 13;

function scan(
  bytes: Buffer,
  shape: Route['shape'],
  limits: EventLimits = DEFAULT_EVENT_LIMITS,
  routeType?: EventType,
) {
  const result = createScanResult();
  const isAccepted = scanBody(bytes, shape, limits, routeType, result);
  const { writeKeyStart, writeKeyEnd, idStarts, idEnds, types } = result;
  const marks = Buffer.from(emptyMarks(isAccepted ? result.eventCount : 0));
  for (let item = 0; item * MARK_BYTES < marks.length; item++) {
    const [start, end] = [idStarts[item] ?? -1, idEnds[item] ?? -1];
    putPlainMark(marks, item, types[item] ?? -1, SOURCE, bytes, start, end);
  }
  const writeKey =
    writeKeyStart < 0 ? undefined : bytes.toString('latin1', writeKeyStart, writeKeyEnd);
  const repaired = [...result.repaired];
  return { isAccepted, eventCount: result.eventCount, writeKey, marks, repaired };
}

/** What the scanner accepts, the decoder must accept, with the same count and key. */
function assertAgreement(
  bytes: Buffer,
  shape: Route['shape'],
  limits: EventLimits,
  routeType?: EventType,
): boolean {
  const scanned = scan(bytes, shape, limits, routeType);
  if (!scanned.isAccepted) return false;
  const decoded = decodeBody(bytes, shape, limits, routeType);
  assert.ok(decoded.ok, `accepted by bytes, refused by value: ${bytes.toString()}`);
  assert.deepEqual(decoded.rejections, [], bytes.toString());
  assert.equal(scanned.eventCount, decoded.eventCount);
  assert.deepEqual(scanned.repaired, decoded.repaired, bytes.toString());
  decoded.events.forEach((event, item) => {
    const mark = Buffer.alloc(MARK_BYTES);
    putValueMark(mark, 0, event, routeType, SOURCE);
    const at = item * MARK_BYTES;
    assert.deepEqual(
      scanned.marks.subarray(at, at + SAME_BYTES),
      mark.subarray(0, SAME_BYTES),
      bytes.toString(),
    );
  });
  // The scanner gives its bytes, of which some may be no UTF-8.
  const key = scanned.writeKey;
  assert.equal(key && Buffer.from(key, 'latin1').toString('utf8'), decoded.writeKey);
  return true;
}

const limitSets: fc.Arbitrary<EventLimits> = fc.record({
  requestBytesMax: fc.constant(512_000),
  eventBytesMax: fc.constantFrom(32_768, 32_768, 32_768, 32_768, 200),
  batchEventsMax: fc.constantFrom(2_500, 2_500, 2_500, 2),
  propertiesMax: fc.constantFrom(10_000, 10_000, 10_000, 2),
  depthMax: fc.constantFrom(64, 64, 64, 3),
  keysMax: fc.constantFrom(20_000, 20_000, 20_000, 9),
  messageIdCharsMax: fc.constantFrom(100, 36),
});

test('what the scanner accepts, the decoder accepts: single events', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      damaged(nearlyEvent),
      limitSets,
      fc.constantFrom(...EVENT_TYPES),
      (bytes, limits, type) => {
        if (assertAgreement(bytes, 'event', limits, type)) accepted++;
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(accepted > RUNS / 50, `the property must see accepted bodies, saw ${accepted}`);
});

test('what the scanner accepts, the decoder accepts: batches', () => {
  let accepted = 0;
  fc.assert(
    fc.property(damaged(nearlyBatch), limitSets, (bytes, limits) => {
      if (assertAgreement(bytes, 'batch', limits)) accepted++;
    }),
    { numRuns: RUNS },
  );
  assert.ok(accepted > RUNS / 50, `the property must see accepted bodies, saw ${accepted}`);
});

test('what the scanner accepts, the decoder accepts: any JSON', () => {
  fc.assert(
    fc.property(damaged(anyJson), fc.constantFrom('event', 'batch'), (bytes, shape) => {
      assertAgreement(bytes, shape, DEFAULT_EVENT_LIMITS, shape === 'event' ? 'track' : undefined);
    }),
    { numRuns: RUNS },
  );
});

test('any JSON value inside properties is scanned as JSON.parse reads it', () => {
  fc.assert(
    fc.property(damaged(anyJson), (json) => {
      const bytes = Buffer.concat([
        Buffer.from('{"userId":"u","event":"e","properties":{"x":'),
        json,
        Buffer.from('}}'),
      ]);
      assertAgreement(bytes, 'event', DEFAULT_EVENT_LIMITS, 'track');
    }),
    { numRuns: RUNS },
  );
});

test('ordinary traffic takes the fast way', () => {
  const event = {
    type: 'track',
    userId: 'u1',
    anonymousId: null,
    event: 'Order Completed',
    properties: { total: 9.99, items: [{ sku: 'a', n: 1e3 }, {}], ok: true, no: false, gone: null },
    context: { library: { name: 'x' }, device: { advertisingId: 'id', type: 'ios' }, ip: '::1' },
    integrations: { All: true, 'Google Analytics': { id: '\u00e9"' } },
    messageId: 'node-next-1700000000000-8f7c9a1e-7a50-4b0f-8b6e-9c1d2e3f4a5b',
    timestamp: '2026-01-15T10:00:00.123Z',
    _metadata: { nodeVersion: '24' },
  };
  const single = Buffer.from(JSON.stringify({ ...event, writeKey: 'k' }, undefined, 2));
  const {
    marks: _one,
    repaired: _none,
    ...scannedSingle
  } = scan(single, 'event', DEFAULT_EVENT_LIMITS, 'track');
  assert.deepEqual(scannedSingle, { isAccepted: true, eventCount: 1, writeKey: 'k' });
  const batch = { batch: [event, event, event], sentAt: 'x', writeKey: 'key', context: { a: 1 } };
  const { marks, repaired, ...scannedBatch } = scan(Buffer.from(JSON.stringify(batch)), 'batch');
  assert.deepEqual(scannedBatch, { isAccepted: true, eventCount: 3, writeKey: 'key' });
  assert.equal(marks.length, 3 * MARK_BYTES);
  assert.deepEqual(repaired, [0, 0, 0, 0]);
});

test('what needs a closer look is left to the decoder', () => {
  const cases: Record<string, string> = {
    'repeated key': '{"userId":"u","userId":"v","event":"e"}',
    'escaped key': '{"user\\u0049d":"u","userId":"u","event":"e"}',
    consent: '{"userId":"u","event":"e","context":{"consent":{}}}',
    'byte order mark': '\ufeff{"userId":"u","event":"e"}',
  };
  for (const [name, body] of Object.entries(cases)) {
    assert.equal(
      scan(Buffer.from(body), 'event', DEFAULT_EVENT_LIMITS, 'track').isAccepted,
      false,
      name,
    );
    const decoded = decodeBody(Buffer.from(body), 'event', DEFAULT_EVENT_LIMITS, 'track');
    assert.deepEqual(decoded.ok && decoded.rejections, [], name);
  }
});
