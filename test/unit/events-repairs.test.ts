/** What is read in another way than it was sent: told to people, and gone from what is sent on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toldRepairs } from '../../src/events/repairs.ts';
import { parseTimestamp, timeOfJson } from '../../src/events/timestamp.ts';
import { archivedEvent } from '../../src/lake/archived-event.ts';

test('each repair is a sentence with what was sent in it', () => {
  const sent = new Map([
    ['userId', '675127116845989888'],
    ['timestamp', '"soon"'],
    ['traits', '[]'],
    ['batch.context', '[ ]'],
  ]);
  assert.deepEqual(
    toldRepairs(sent).map(({ words }) => words),
    [
      'The userId was sent as the number 675127116845989888: ids are texts, so it is "675127116845989888" here.',
      'The timestamp was sent as "soon", which is no time that can be read: the event has the time of originalTimestamp if there is one, and else the time at which it was received.',
      'The traits came as an empty list, []: it is read as an object without members, {}.',
      'The context of the whole batch came as an empty list, []: it is read as an object without members, {}.',
    ],
  );
});

test('an event that comes back from the lake has no repairs in its message', () => {
  const row = {
    source_id: 's',
    type: 'track',
    event: 'E',
    name: null,
    category: null,
    user_id: '42',
    anonymous_id: null,
    group_id: null,
    previous_id: null,
    message_id: 'm',
    channel: 'server',
    timestamp_ms: 1,
    original_ms: 1,
    sent_ms: null,
    received_ms: 1,
    properties: '{}',
    traits: null,
    context: '{}',
    integrations: '{}',
    metadata: null,
    partition: 'us-0',
    position: 64,
    index: 0,
    extra: '{"own":1,"_repairs":{"userId":42}}',
  };
  const { message } = archivedEvent(row, () => 7);
  assert.deepEqual([message['own'], message['userId']], [1, '42']);
  assert.ok(!('_repairs' in message));
});

test('a time is the same from its bytes as from its value', () => {
  const iso = fc
    .date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31') })
    .map((date) => date.toISOString());
  const zone = fc.constantFrom(
    '',
    'Z',
    '+0530',
    ' -03:00',
    ':Z',
    '[UTC]',
    'Z[Europe/Berlin]',
    ' pm',
  );
  const written = fc.tuple(iso, zone).map(([text, end]) => text.slice(0, -1) + end);
  const any = fc.oneof(iso, written, fc.integer(), fc.double(), fc.maxSafeInteger(), fc.string());
  fc.assert(
    fc.property(any, (value) => {
      const json = Buffer.from(JSON.stringify(value));
      const read: unknown = JSON.parse(json.toString());
      assert.equal(timeOfJson(json, 0, json.length), parseTimestamp(read), json.toString());
    }),
    { numRuns: 5_000 },
  );
});

test('numbers are seconds, milliseconds, microseconds or nanoseconds by their size, or no time', () => {
  const noon = Date.parse('2024-01-31T12:00:00Z');
  for (const value of [
    1_706_702_400,
    '1706702400',
    noon,
    `${noon}`,
    noon * 1_000,
    `${noon}000000`,
  ]) {
    assert.equal(parseTimestamp(value), noon, String(value));
  }
  for (const value of [
    0,
    42,
    -1_706_702_400,
    999_999_999,
    1e10,
    1e11,
    1e19,
    Infinity,
    NaN,
    '1e9',
  ]) {
    assert.equal(parseTimestamp(value), null, String(value));
  }
});

test('a text that could mean two times is none', () => {
  for (const text of [
    '2024-01-31T12:00:00[Europe/Berlin]',
    '2024-01-31T13:00:00 pm',
    '2024-01-31T00:30:00 am',
    '2024-01-31T12:00:61Z',
    '2024-01-31T24:00:01Z',
    '20240131',
    '31/01/2024',
    '1706702400 seconds',
    `2024-01-31T12:00:00Z${'[UTC]'.repeat(40)}`,
  ]) {
    assert.equal(parseTimestamp(text), null, text);
  }
});
