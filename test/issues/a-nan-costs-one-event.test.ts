/**
 * Python's json.dumps writes NaN and Infinity, which are no JSON: one of them refused a batch of a
 * hundred with "Request body is not valid JSON", without a place, counted as one event.
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

const good = (id: string) =>
  `{"type":"track","userId":"u","event":"E","messageId":"${id}","properties":{"n":1.0}}`;
const bad = (id: string, word: string) => good(id).replace('1.0', word);

interface Answer {
  code: string;
  message: string;
  accepted: number;
  rejected: number;
  errors: { index: number; code: string; message: string; field: string }[];
  error: { field: string };
}

test('the others are kept, and the answer names the event and the byte', async () => {
  const body = `{"batch":[${good('a')},\n${bad('b', 'NaN')},${good('c')},${bad('d', '-Infinity')}]}`;
  const response = await server.post('/v1/batch', body);
  const answer = (await response.json()) as Answer;
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.deepEqual([answer.accepted, answer.rejected], [2, 2]);
  const [first, second] = answer.errors;
  assert.deepEqual([first?.index, first?.code], [1, 'BAD_REQUEST']);
  assert.equal(
    first?.message,
    `Event 1 is not valid JSON: NaN at byte ${body.indexOf('NaN')} of the body`,
  );
  assert.equal(
    second?.message,
    `Event 3 is not valid JSON: -Infinity at byte ${body.indexOf('-Infinity')} of the body`,
  );
  const rows = await server.sqlUntil(
    "select message_id, properties from events where message_id in ('a', 'b', 'c', 'd') order by 1",
    (all) => all.length === 2,
  );
  assert.deepEqual(rows, [
    { message_id: 'a', properties: '{"n":1.0}' },
    { message_id: 'c', properties: '{"n":1.0}' },
  ]);
  assert.ok((await server.delivered('c')).includes('"properties":{"n":1.0}'));
});

test('what was refused is kept as it was sent', async () => {
  const rows = await server.rejected(2);
  assert.deepEqual(
    rows.map(({ index, code, message_id, event_type, body }) => [
      index,
      code,
      message_id,
      event_type,
      body,
    ]),
    [
      [1, 'BAD_REQUEST', 'b', 'track', bad('b', 'NaN')],
      [3, 'BAD_REQUEST', 'd', 'track', bad('d', '-Infinity')],
    ],
  );
});

test('the log has the body as it was sent, and it is read again after a restart', async () => {
  const { stdout } = await server.cli('inspect-log', '--body', '--json');
  const bodies = stdout.split('\n').filter((line) => line.includes('NaN'));
  assert.equal(bodies.length, 1);
  assert.ok((JSON.parse(bodies[0] ?? '') as { body: string }).body.includes(bad('b', 'NaN')));
  await server.kill();
  server = await startHookedServer(server.folder);
  assert.equal((await server.rejected(2)).length, 2);
  assert.equal((await server.stored('c'))['properties'], '{"n":1.0}');
  const verified = await server.cli('verify', '--json');
  assert.equal(verified.code, 0, verified.stdout);
});

test('words of other languages, and nothing but them', async () => {
  const body = `{"batch":[${bad('e', 'None')},${bad('f', 'undefined')}],"sentAt":"x"}`;
  const response = await server.post('/v1/batch', body);
  const answer = (await response.json()) as Answer;
  assert.deepEqual([response.status, answer.code], [400, 'empty_batch_result']);
  assert.match(answer.message, /^Event 0 is not valid JSON: None at byte \d+ of the body$/);
});

test('an event of its own is refused, with the byte', async () => {
  const body = '{"userId":"u","event":"E","properties":{"n":NaN}}';
  const response = await server.post('/v1/track', body);
  const answer = (await response.json()) as Answer;
  assert.deepEqual(
    [response.status, answer.code, answer.error.field],
    [400, 'BAD_REQUEST', 'body'],
  );
  assert.equal(
    answer.message,
    `Request body is not valid JSON: NaN at byte ${body.indexOf('NaN')}`,
  );
});

test('where nobody can tell the events apart, the whole is refused, with the byte', async () => {
  const body = `{"batch":[${good('g')},{"type":"track" "userId":"u"},${good('h')}]}`;
  const response = await server.post('/v1/batch', body);
  const answer = (await response.json()) as Answer;
  assert.deepEqual([response.status, answer.code], [400, 'BAD_REQUEST']);
  const at = body.indexOf('"userId":"u"},{');
  assert.equal(
    answer.message,
    `Request body is not valid JSON: "userId" at byte ${at}, in event 1`,
  );
  const cut = body.slice(0, 60);
  const ended = (await (await server.post('/v1/batch', cut)).json()) as Answer;
  assert.equal(ended.message, 'Request body is not valid JSON: it ends at byte 60, in event 0');
});
