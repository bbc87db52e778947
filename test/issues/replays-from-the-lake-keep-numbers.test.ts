/**
 * What the log has let go is delivered from the lake, whose documents have every digit; they were
 * parsed and printed on the way, so a replay sent another number than the live stream did.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSentAt } from '../../src/events/message-json.ts';
import { archivedEvent } from '../../src/lake/archived-event.ts';

const NUMBERS = '{"id":675127116845989888,"price":1.10,"far":1e400,"none":-0,"n":7}';
const ROW = {
  source_id: 's',
  type: 'track',
  event: 'Sold',
  name: null,
  category: null,
  user_id: 'u',
  anonymous_id: null,
  group_id: null,
  previous_id: null,
  message_id: 'm',
  timestamp_ms: 1_768_471_200_000,
  original_ms: 1_768_471_200_000,
  sent_ms: 1_768_471_200_000,
  received_ms: 1_768_471_200_000,
  channel: 'server',
  properties: NUMBERS,
  traits: null,
  context: `{"device":${NUMBERS}}`,
  integrations: '{}',
  metadata: null,
  extra: `{"own":${NUMBERS}}`,
  partition: 'us-0',
  position: 1,
  index: 0,
};

test('an event of the archive has the numbers that were sent, and values to filter by', () => {
  const event = archivedEvent(ROW, () => 1);
  const json = Buffer.from(event.json).toString();
  for (const part of ['"properties":', '"context":{"device":', '"own":']) {
    assert.ok(json.includes(part + NUMBERS), json);
  }
  assert.deepEqual(event.message['properties'], JSON.parse(NUMBERS));
});

test('forwarding takes its sentAt away, as of an event of the log', () => {
  const { json } = archivedEvent(ROW, () => 1);
  assert.ok(Buffer.from(json).includes('"sentAt"'));
  assert.ok(!Buffer.from(withoutSentAt(json)).includes('"sentAt"'));
});
