import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeBody } from '../../src/events/decode.ts';
import { decodePayload, encodeEnvelope } from '../../src/events/envelope.ts';
import type { Envelope } from '../../src/events/envelope.ts';
import { MARK_BYTES } from '../../src/events/event-marks.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { normaliseRecord } from '../../src/events/normalise.ts';
import type { NormalEvent } from '../../src/events/normalise.ts';
import { ROUTES } from '../../src/events/routes.ts';
import { parseTimestamp } from '../../src/events/timestamp.ts';
import { nearlyBatch } from '../support/arbitrary-json.ts';

const RECEIVED_MS = Date.parse('2026-06-01T12:00:00.000Z');
const PLACE = { partition: 'us-0', position: 4096 };

function payloadOf(body: unknown, envelope: Partial<Envelope> = {}): Buffer {
  const head = encodeEnvelope({
    kind: 'accepted',
    route: 'batch',
    receivedAtMs: RECEIVED_MS,
    sourceNumber: 3,
    keyNumber: 4,
    eventCount: 1,
    ip: '203.0.113.7',
    userAgent: 'agent/1',
    isClient: false,
    rejections: [],
    marks: null,
    ...envelope,
  });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return Buffer.concat([head, Buffer.from(text)]);
}

function only(body: unknown, envelope: Partial<Envelope> = {}): NormalEvent {
  const { events } = normaliseRecord(payloadOf(body, envelope), PLACE);
  assert.equal(events.length, 1);
  assert.ok(events[0]);
  return events[0];
}

const track = { type: 'track', userId: 'u', event: 'E' };

describe('envelope', () => {
  test('what is encoded is decoded, for any texts, numbers and routes', () => {
    const arbitrary = fc.record({
      kind: fc.constantFrom('accepted', 'rejected'),
      route: fc.constantFrom(...ROUTES.map(({ name }) => name)),
      receivedAtMs: fc.integer({ min: 0, max: 8.64e15 }),
      sourceNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      keyNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      eventCount: fc.nat(40),
      hasMarks: fc.boolean(),
      ip: fc.string({ maxLength: 64 }),
      userAgent: fc.string({ maxLength: 300, unit: 'grapheme' }),
      isClient: fc.boolean(),
    });
    fc.assert(
      fc.property(arbitrary, fc.uint8Array({ maxLength: 200 }), ({ hasMarks, ...given }, body) => {
        const rejections =
          given.kind === 'rejected'
            ? [{ index: 0, type: 'validation_error' as const, code: 'x', message: 'ü' }]
            : [];
        const bytes = given.kind === 'accepted' ? given.eventCount * MARK_BYTES : 0;
        const marks = hasMarks ? Buffer.alloc(bytes, 'mark') : null;
        const envelope = { ...given, rejections, marks };
        const payload = Buffer.concat([encodeEnvelope(envelope), body]);
        const decoded = decodePayload(payload);
        assert.deepEqual(decoded.envelope, envelope);
        assert.deepEqual(new Uint8Array(decoded.body), body);
      }),
    );
  });
});

describe('time', () => {
  test('skew: timestamp = receivedAt − (sentAt − originalTimestamp), all four kept', () => {
    const event = only({
      sentAt: '2026-01-01T00:00:10.000Z',
      batch: [{ ...track, timestamp: '2026-01-01T00:00:07.500Z' }],
    });
    assert.equal(event.timestampMs, RECEIVED_MS - 2_500);
    assert.equal(event.originalTimestampMs, Date.parse('2026-01-01T00:00:07.500Z'));
    assert.equal(event.sentAtMs, Date.parse('2026-01-01T00:00:10.000Z'));
    assert.equal(event.receivedAtMs, RECEIVED_MS);
    assert.equal(event.message['timestamp'], '2026-06-01T11:59:57.500Z');
    assert.equal(event.message['receivedAt'], '2026-06-01T12:00:00.000Z');
  });

  test("an event's own sentAt wins over the batch's", () => {
    const event = only({
      sentAt: '2020-01-01T00:00:00.000Z',
      batch: [{ ...track, timestamp: '2026-01-01T00:00:00Z', sentAt: '2026-01-01T00:00:01Z' }],
    });
    assert.equal(event.timestampMs, RECEIVED_MS - 1_000);
  });

  test('without sentAt nothing is corrected; without a time it is the time of receipt', () => {
    const dated = only({ batch: [{ ...track, timestamp: '2025-01-01T00:00:00Z' }] });
    assert.equal(dated.timestampMs, Date.parse('2025-01-01T00:00:00Z'));
    const undated = only({ sentAt: '2020-01-01T00:00:00Z', batch: [track] });
    assert.equal(undated.timestampMs, RECEIVED_MS);
    assert.equal(undated.originalTimestampMs, RECEIVED_MS);
  });

  test('an absurd client clock stays inside what can be written down', () => {
    const event = only({
      sentAt: '0001-01-01T00:00:00Z',
      batch: [{ ...track, timestamp: '9999-12-31T23:59:59Z' }],
    });
    assert.equal(new Date(event.timestampMs).toISOString(), '9999-12-31T23:59:59.999Z');
  });

  test('the forms that SDKs write', () => {
    const noon = Date.parse('2026-01-31T12:00:00.000Z');
    for (const [text, ms] of [
      ['2026-01-31T12:00:00Z', noon],
      ['2026-01-31T12:00:00.123456789Z', noon + 123],
      ['2026-01-31T12:00:00+00:00', noon],
      ['2026-01-31T14:30:00.5+02:30', noon + 500],
      ['2026-01-31T07:00:00-0500', noon],
      ['2026-01-31 12:00:00', noon],
      ['2026-01-31T12:00Z', noon],
      ['2026-01-31', noon - 12 * 3_600_000],
    ] as const) {
      assert.equal(parseTimestamp(text), ms, text);
    }
    for (const text of [
      '2026-02-30T00:00:00Z',
      '2026-13-01',
      '2026-1-1',
      '24:00',
      '',
      'now',
      null,
    ]) {
      assert.equal(parseTimestamp(text), null, String(text));
    }
  });

  test('every ISO text of a Date is read back exactly', () => {
    const date = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(fc.property(date, (d) => parseTimestamp(d.toISOString()) === d.getTime()));
  });
});

describe('shape', () => {
  test('an assigned messageId is made from the position, and is the same at every reading', () => {
    const payload = payloadOf({ batch: [track, track] }, { eventCount: 2 });
    const read = () => normaliseRecord(payload, PLACE).events.map(({ messageId }) => messageId);
    assert.deepEqual(read(), ['millrace-us-0-4096-0', 'millrace-us-0-4096-1']);
    assert.deepEqual(read(), read());
    assert.equal(only({ batch: [{ ...track, messageId: 'own' }] }).messageId, 'own');
  });

  test('batch-level context and integrations lie under those of each event', () => {
    const { message } = only({
      context: { library: { name: 'go' }, app: 'batch' },
      integrations: { All: false, Slack: true },
      batch: [{ ...track, context: { app: 'own' }, integrations: { Slack: false } }],
    });
    assert.deepEqual(message['context'], { library: { name: 'go' }, app: 'own' });
    assert.deepEqual(message['integrations'], { All: false, Slack: false });
  });

  test('the delivered shape: version 2, no write key, no null ids, other fields as they were', () => {
    const { message } = only({
      batch: [
        { ...track, userId: null, anonymousId: 'a', writeKey: 'k', _metadata: { n: 1 }, own: [1] },
      ],
    });
    assert.equal(message['version'], 2);
    assert.ok(!('writeKey' in message));
    assert.ok(!('userId' in message));
    assert.deepEqual(message['_metadata'], { n: 1 });
    assert.deepEqual(message['own'], [1]);
    assert.equal(message['channel'], 'server');
  });

  test('clients get their address and channel, servers do not; a pixel gets the user agent', () => {
    const client = only({ ...track }, { route: 't', isClient: true });
    assert.deepEqual(client.message['context'], { ip: '203.0.113.7' });
    assert.equal(client.channel, 'client');
    const server = only({ ...track }, { route: 'track' });
    assert.deepEqual(server.message['context'], {});
    const pixel = only({ ...track }, { route: 'pixel/track', isClient: true });
    assert.deepEqual(pixel.message['context'], { ip: '203.0.113.7', userAgent: 'agent/1' });
  });

  test('a page without a name of its own has that of its properties', () => {
    const body = { userId: 'u', properties: { name: 'Home', category: 'Docs' } };
    const page = only(body, { route: 'page' });
    assert.deepEqual([page.name, page.category], ['Home', 'Docs']);
  });

  test('keys named like parts of every object stay data', () => {
    const { message } = only(
      '{"batch":[{"type":"track","userId":"u","event":"E","__proto__":{"admin":1}}]}',
    );
    assert.ok(Object.hasOwn(message, '__proto__'));
    assert.equal(message['admin'], undefined);
  });
});

describe('rejected events', () => {
  test('stand beside the stored ones, with reason and a sample', () => {
    const bad = { type: 'track', messageId: 'bad' };
    const rejections = [
      {
        index: 1,
        type: 'validation_error' as const,
        code: 'no_user_anon_id',
        message: 'no',
        field: 'userId',
        messageId: 'bad',
        eventType: 'track',
      },
    ];
    const payload = payloadOf({ batch: [track, bad, track] }, { eventCount: 3, rejections });
    const { events, rejected } = normaliseRecord(payload, PLACE);
    assert.deepEqual(
      events.map(({ index }) => index),
      [0, 2],
    );
    assert.equal(rejected.length, 1);
    assert.equal(rejected[0]?.body, JSON.stringify(bad));
    assert.equal(rejected[0]?.code, 'no_user_anon_id');
    assert.equal(rejected[0]?.ip, '203.0.113.7');
  });

  test('whatever is sent: every event is either stored or rejected, never both, never neither', () => {
    fc.assert(
      fc.property(nearlyBatch, (body) => {
        const bytes = Buffer.from(JSON.stringify(body));
        const decoded = decodeBody(bytes, 'batch', DEFAULT_EVENT_LIMITS, undefined);
        if (!decoded.ok) return;
        const { eventCount, rejections } = decoded;
        const payload = payloadOf(bytes.toString(), { eventCount, rejections });
        const { events, rejected } = normaliseRecord(payload, PLACE);
        const places = [...events, ...rejected].map(({ index }) => index).sort((a, b) => a - b);
        assert.deepEqual(
          places,
          Array.from({ length: eventCount }, (_, at) => at),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
