/**
 * Live, `millrace tail` and the recent events of a destination showed numbers as JavaScript prints
 * them: 675127116845989888 as another id, 1e400 as null. They show what was sent.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';
import { parseShown } from '../../web/src/shown-json.ts';

/** A time that is none is kept beside the event. */
const ODD = '"timestamp":{ "a": 1.10 },"status":1.0';
const PROPERTIES = '{"a":675127116845989888,"b":1e400,"c":-0,"d":1.10}';

let server: TestServer;
let service: FakeService;
before(async () => {
  service = await startFakeService();
  service.answerWith(() => ({ status: 400, body: 'no' }));
  const settings = { url: service.url, batch: false };
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      destinations: [{ name: 'no', slug: 'no', type: 'webhook', settings }],
    },
  });
});
after(async () => {
  await server.stop();
  await service.close();
});

async function admin(path: string): Promise<string> {
  const headers = { Authorization: `Bearer ${server.token}` };
  return (await fetch(`${server.adminUrl}/admin/${path}`, { headers })).text();
}

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
  const event = `{"userId":"u","event":"E","messageId":"m","properties":${PROPERTIES},${ODD}}`;
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
  assert.ok(line.includes('"sent":"{ \\"a\\": 1.10 }"'), line);
  const shown = parseShown(line) as Record<string, unknown>;
  assert.equal(JSON.stringify(shown['properties']), PROPERTIES);
  assert.equal(shown['status'], 'stored', 'what we say of an event is ours');
});

test('so do recent events, the timeline of a person and dead letters', async () => {
  for (const path of ['recent-events?source=test', 'people/timeline?kind=user&id=u']) {
    const answer = await admin(path);
    assert.ok(answer.includes(`"properties":${PROPERTIES}`), `${path}: ${answer}`);
  }
  let list = '';
  const letter = (): string | undefined => /"id":(\d+)/.exec(list)?.[1];
  await until(
    'there is a dead letter',
    async () => {
      list = await admin('destinations/no/dead-letters');
      return letter() !== undefined;
    },
    20_000,
  );
  const answer = await admin(`destinations/no/dead-letters/${letter()}`);
  assert.ok(answer.includes(`"properties":${PROPERTIES}`), answer);
});

test('what a browser cannot keep is a number', () => {
  assert.deepEqual(parseShown('{"a":[1,2.5,"x"]}'), { a: [1, 2.5, 'x'] });
});
