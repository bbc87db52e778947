/**
 * Times that installed apps send, from bug reports of analytics-swift, analytics-ios and others.
 * Each cost the whole event. What can be read is read; what cannot is left out of the event's time
 * and kept beside it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

let sent = 0;
async function track(times: string) {
  const messageId = `time-${++sent}`;
  const body = `{"userId":"u","event":"E","messageId":"${messageId}",${times}}`;
  const response = await server.post('/v1/track', body);
  assert.equal(response.status, 200, `${times}: ${await response.text()}`);
  return server.stored(messageId);
}

const READ: [sent: string, utc: string][] = [
  ['"2021-10-16T16:00:27.029:Z"', '2021-10-16 16:00:27.029'],
  ['"2015-09-15T10:06:21 am+0400"', '2015-09-15 06:06:21'],
  ['"2015-09-15T12:06:21 AM+0400"', '2015-09-14 20:06:21'],
  ['"2015-09-15T12:06:21 pm+0400"', '2015-09-15 08:06:21'],
  ['"2024-01-31T23:59:60Z"', '2024-02-01 00:00:00'],
  ['"2024-01-31T12:00:00Z[UTC]"', '2024-01-31 12:00:00'],
  ['"2024-01-31T13:00:00+01:00[Europe/Berlin]"', '2024-01-31 12:00:00'],
  ['"٢٠٢٤-٠١-٣١T١٢:٠٠:٠٠Z"', '2024-01-31 12:00:00'],
  ['"༢༠༡༥-༡༡-༡༧T༨:༡༢:༡༠+0800"', '2015-11-17 00:12:10'],
  ['"20240131T120000Z"', '2024-01-31 12:00:00'],
  ['1706702400', '2024-01-31 12:00:00'],
  ['1706702400.5', '2024-01-31 12:00:00.5'],
  ['1706702400123', '2024-01-31 12:00:00.123'],
  ['"1706702400"', '2024-01-31 12:00:00'],
  ['"1706702400123"', '2024-01-31 12:00:00.123'],
  ['"2024-01-31T12:00:00.1234567Z"', '2024-01-31 12:00:00.123'],
  ['"2024-01-31T12:00:00.123456789Z"', '2024-01-31 12:00:00.123'],
  ['"2024-01-31T17:30:00+0530"', '2024-01-31 12:00:00'],
  ['"2024-01-31t12:00:00z"', '2024-01-31 12:00:00'],
];

for (const [timestamp, utc] of READ) {
  test(`${timestamp} is read`, async () => {
    const row = await track(`"timestamp":${timestamp}`);
    assert.equal(String(row['timestamp']).replace(/\.?0+$/, ''), utc.replace(/\.?0+$/, ''));
    assert.equal(row['extra'], null, 'what is read is no repair');
  });
}

const UNREADABLE = ['"yesterday"', '"1988-04-31T12:00:00Z"', '7', 'true', '{"$date":1.0}', '[1]'];

for (const timestamp of UNREADABLE) {
  test(`${timestamp} cannot be read, and the event is kept with the other time`, async () => {
    const other = '"originalTimestamp":"2024-01-31T12:00:00Z"';
    const row = await track(`"timestamp":${timestamp},${other}`);
    assert.equal(row['timestamp'], '2024-01-31 12:00:00');
    assert.equal(row['extra'], `{"_repairs":{"timestamp":${timestamp}}}`);
    const alone = await track(`"timestamp":${timestamp}`);
    assert.equal(alone['timestamp'], alone['received_at']);
    const message = await server.delivered(String(row['message_id']));
    assert.ok(message.includes('"timestamp":"2024-01-31T12:00:00.000Z"'), message);
    assert.ok(!message.includes('_repairs'), message);
  });
}

test('it is counted', async () => {
  const series = 'millrace_events_repaired_total{rule="unreadable_timestamp"}';
  await server.counted(series, UNREADABLE.length * 2);
});
