/**
 * Live, `millrace tail` and the recent events of a destination showed numbers as JavaScript prints
 * them: 675127116845989888 as another id, 1e400 as null. They show what was sent.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { parseShown } from '../../web/src/shown-json.ts';

const PROPERTIES = '{"a":675127116845989888,"b":1e400,"c":-0,"d":1.10}';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

test('to the last digit, also in the dashboard', async () => {
  const headers = { Authorization: `Bearer ${server.token}` };
  const leave = new AbortController();
  const live = await fetch(`${server.adminUrl}/tail`, { headers, signal: leave.signal });
  const command = server.cli('tail', '--json', '--count', '1');
  let text = '';
  const reading = (async () => {
    for await (const chunk of live.body ?? []) text += Buffer.from(chunk).toString();
  })().catch(() => undefined);
  await until('the stream has begun', () => text.includes(': open'), 20_000);
  const event = `{"userId":"u","event":"E","messageId":"m","properties":${PROPERTIES},"status":1.0}`;
  let told = '';
  // The command has no way to say that it listens.
  for (let copy = 0; told === ''; copy++) {
    assert.equal((await server.post('/v1/track', event.replace('"m"', `"m${copy}"`))).status, 200);
    told = await Promise.race([
      command.then(({ stdout }) => stdout),
      new Promise<string>((resolve) => {
        setTimeout(resolve, 500, '');
      }),
    ]);
  }
  assert.ok(told.includes(`"properties":${PROPERTIES}`), told);
  leave.abort();
  await reading;
  const [, line = ''] = /^data: (.*)$/m.exec(text) ?? [];
  assert.ok(line.includes(`"properties":${PROPERTIES}`), line);
  const shown = parseShown(line) as Record<string, unknown>;
  assert.equal(JSON.stringify(shown['properties']), PROPERTIES);
  assert.equal(shown['status'], 'stored', 'what we say of an event is ours');

  const answer = await fetch(`${server.adminUrl}/admin/recent-events?source=test`, { headers });
  const recent = await answer.text();
  assert.ok(recent.includes(`"properties":${PROPERTIES}`), recent);
});

test('what a browser cannot keep is a number', () => {
  assert.deepEqual(parseShown('{"a":[1,2.5,"x"]}'), { a: [1, 2.5, 'x'] });
});
