/** What is read in another way than it was sent is not changed in silence: it can be seen. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHookedServer } from '../support/hooked-server.ts';
import type { HookedServer } from '../support/hooked-server.ts';
import { until } from '../support/until.ts';

const LONG = '675127116845989888';
const EVENT = `{"userId":${LONG},"event":"Repaired","messageId":"seen","timestamp":"soon","properties":[]}`;
const SENT = [
  ['userId', LONG],
  ['timestamp', '"soon"'],
  ['properties', '[]'],
];

interface Repair {
  field: string;
  sent: string;
  words: string;
}

let server: HookedServer;
before(async () => {
  server = await startHookedServer();
});
after(() => server.stop());

function assertShown(repairs: readonly Repair[] | undefined): void {
  assert.deepEqual(
    repairs?.map(({ field, sent }) => [field, sent]),
    SENT,
  );
  for (const { words } of repairs ?? []) assert.match(words, /^[A-Z].{20,}\.$/);
}

test('in live events', async () => {
  const stop = new AbortController();
  const response = await fetch(`${server.adminUrl}/tail`, {
    headers: { Authorization: `Bearer ${server.token}` },
    signal: stop.signal,
  });
  let text = '';
  void (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
    }
  })().catch(() => undefined);
  const entries = () =>
    [...text.matchAll(/^data: (\{.*\})$/gm)].map(
      ([, line]) => JSON.parse(line ?? '') as { event: string; userId: string; repairs: Repair[] },
    );
  const find = (event: string) => entries().find((entry) => entry.event === event);
  await until('the stream is open', async () => {
    // What a sender calls repairs is none.
    await server.post('/v1/track', { event: 'Open', userId: 'u', repairs: 'mine' });
    return find('Open') !== undefined;
  });
  assert.deepEqual(find('Open')?.repairs, []);
  assert.equal((await server.post('/v1/track', EVENT)).status, 200);
  await until('it is seen', () => find('Repaired') !== undefined);
  stop.abort();
  assert.equal(find('Repaired')?.userId, LONG);
  assertShown(find('Repaired')?.repairs);
});

test('in the trace, in words', async () => {
  await server.stored('seen');
  const { stdout, code } = await server.cli('trace', 'seen', '--json');
  assert.equal(code, 0, stdout);
  const { copies } = JSON.parse(stdout) as { copies: { repairs: Repair[] }[] };
  assertShown(copies[0]?.repairs);
  const printed = await server.cli('trace', 'seen');
  assert.ok(printed.stdout.includes(LONG), printed.stdout);
  for (const { words } of copies[0]?.repairs ?? []) {
    assert.ok(printed.stdout.includes(words), printed.stdout);
  }
});

test('in the lake, where SQL finds them, also when it is made anew from the log', async () => {
  const query = `select extra->>'$._repairs.userId' as sent from events
    where (extra->'_repairs') is not null`;
  assert.deepEqual(await server.sql(query), [{ sent: LONG }]);
  await server.kill();
  server = await startHookedServer(server.folder);
  await server.stored('seen');
  assert.deepEqual(await server.sql(query), [{ sent: LONG }]);
});

test('a field of that name is no repair, and is not taken from a sender', async () => {
  const event = '{"userId":"u","event":"Forged","messageId":"forged","_repairs":{"userId":1}}';
  assert.equal((await server.post('/v1/track', event)).status, 200);
  assert.equal((await server.stored('forged'))['extra'], null);
  assert.ok(!(await server.delivered('forged')).includes('_repairs'));
});
