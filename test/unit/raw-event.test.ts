/** Stored events cut out of their bytes are what `normaliseRecord` says, for any accepted body. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBody } from '../../src/events/decode.ts';
import { decodePayload, encodeEnvelope } from '../../src/events/envelope.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { withoutSentAt } from '../../src/events/message-json.ts';
import { normaliseRecord } from '../../src/events/normalise.ts';
import { fieldsOf, rawEvents, storedEvent } from '../../src/events/raw-event.ts';
import type { StoredEvent } from '../../src/events/raw-event.ts';
import { createRawItems } from '../../src/events/raw-items.ts';
import { readRawRecord } from '../../src/events/raw-record.ts';
import { routeByName } from '../../src/events/routes.ts';
import { arbitraryRequests } from '../support/arbitrary-requests.ts';
import type { ArbitraryRequest } from '../support/arbitrary-requests.ts';

const RECEIVED_MS = Date.parse('2026-06-01T12:00:00.123Z');
const PLACE = { partition: 'us-0', position: 4_096 };

/** Both readings of one request; null when the collector refuses it. */
function readings({ route: name, body, ip }: ArbitraryRequest) {
  const route = routeByName(name);
  assert.ok(route);
  const decoded = decodeBody(body, route.shape, DEFAULT_EVENT_LIMITS, route.eventType);
  if (!decoded.ok) return null;
  const head = encodeEnvelope({
    kind: 'accepted',
    route: name,
    receivedAtMs: RECEIVED_MS,
    sourceNumber: 7,
    keyNumber: 1,
    eventCount: decoded.eventCount,
    ip,
    userAgent: 'Agent/1',
    isClient: route.isClient,
    rejections: decoded.rejections,
    marks: null,
  });
  const payload = Buffer.concat([head, body]);
  const { envelope, body: sent } = decodePayload(payload);
  const raw = rawEvents(readRawRecord(PLACE, envelope, sent, createRawItems()));
  return { raw, normal: normaliseRecord(payload, PLACE).events };
}

function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json).toString('utf8'));
}

test('every field and the message are those of the definition', () => {
  let seen = 0;
  fc.assert(
    fc.property(arbitraryRequests, (request) => {
      const both = readings(request);
      if (!both) return;
      assert.equal(both.raw.length, both.normal.length);
      both.raw.forEach((event, at) => {
        const normal = both.normal[at];
        assert.ok(normal);
        assert.deepEqual({ ...fieldsOf(event), message: event.message }, normal);
        assert.deepEqual(parsed(event.json), normal.message);
        assert.deepEqual(event.integrations, normal.message['integrations']);
        assert.ok(!event.json.includes(0x0a), 'one line');
        const { sentAt: _, ...rest } = normal.message;
        assert.deepEqual(parsed(withoutSentAt(event.json)), rest);
        seen++;
      });
    }),
    { numRuns: 4_000 },
  );
  assert.ok(seen > 1_000, `only ${seen} events were accepted`);
});

function one(body: string, route: 'track' | 'batch' | 't' = 'track'): StoredEvent {
  const both = readings({ route, body: Buffer.from(body), ip: '203.0.113.9' });
  const [event] = both?.raw ?? [];
  assert.ok(event);
  return event;
}

test('what was sent is in the message as it was sent', () => {
  const properties = '{"a":12345678901234567890123, "b" : 1.0,"c":-0,"d":1E400,"e":"\\u00e9\\/"}';
  const event = one(`{"userId":"u","event":"Sold","properties":${properties},"own":[1.50]}`);
  const json = Buffer.from(event.json).toString();
  assert.ok(json.includes(`"properties":${properties}`), json);
  assert.ok(json.includes('"own":[1.50]'), json);
});

test('the batch gives its context to its events, member by member, as it was sent', () => {
  const event = one(
    '{"context":{"app":{"build":1.0},"ip":"10.0.0.1"},"integrations":{"All":false},' +
      '"batch":[{"type":"track","event":"E","userId":"u","context":{"ip":"10.0.0.2"}}]}',
    'batch',
  );
  const json = Buffer.from(event.json).toString();
  assert.ok(json.includes('"context":{"app":{"build":1.0},"ip":"10.0.0.2"}'), json);
  assert.deepEqual(event.integrations, { All: false });
});

test('a client that does not know its address gets it', () => {
  const bare = '{"writeKey":"k","userId":"u","event":"E"';
  assert.ok(Buffer.from(one(`${bare}}`, 't').json).includes('"context":{"ip":"203.0.113.9"}'));
  const empty = one(`${bare},"context":{ }}`, 't');
  assert.deepEqual(empty.message['context'], { ip: '203.0.113.9' });
});

test('an event that was kept beside the log has its message as JSON too', () => {
  const normal = readings({
    route: 'track',
    body: Buffer.from('{"userId":"u","event":"E","integrations":{"All":true}}'),
    ip: '',
  })?.normal[0];
  assert.ok(normal);
  const stored = storedEvent(normal);
  assert.deepEqual(parsed(stored.json), normal.message);
  assert.deepEqual(stored.integrations, { All: true });
});
