/** Live events: what became of each, and who sees them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const OTHER_KEY = 'otherWriteKey0123456789';

interface Entry {
  source: string;
  status: string;
  event?: string;
  code?: string;
  field?: string;
  request: { route: string; events: number; index: number; userAgent: string };
  answer: { status: number; accepted: number; rejected: number; body: unknown };
}

interface Stream {
  entries: Entry[];
  isOver(): boolean;
  close(): void;
}

let server: TestServer;
before(async () => {
  server = await startTestServer({
    config: {
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Other', slug: 'other', writeKeys: [OTHER_KEY] },
      ],
    },
  });
});
after(() => server.stop());

/** Resolves when events arrive in it. */
async function tail(headers: Record<string, string>, key = WRITE_KEY): Promise<Stream> {
  const stop = new AbortController();
  const response = await fetch(`${server.adminUrl}/tail`, { headers, signal: stop.signal });
  assert.equal(response.status, 200);
  const entries: Entry[] = [];
  let isOver = false;
  void (async () => {
    let text = '';
    assert.ok(response.body);
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith('data: ')) entries.push(JSON.parse(block.slice(6)) as Entry);
      }
    }
  })()
    .catch(() => undefined)
    .finally(() => {
      isOver = true;
    });
  await until('the stream is open', async () => {
    await server.post(
      '/v1/track',
      { event: 'Open', userId: 'u' },
      { Authorization: basicAuth(key) },
    );
    return entries.length > 0;
  });
  return { entries, isOver: () => isOver, close: () => stop.abort() };
}

const admin = () => ({ Authorization: `Bearer ${server.token}` });
const named = ({ entries }: Stream, event: string) => entries.filter((one) => one.event === event);

test('each event says what became of it, and of the request it came in', async () => {
  const stream = await tail(admin());
  const twice = { type: 'track', event: 'Twice', userId: 'u', messageId: 'twice' };
  // What a sender says of itself is not believed.
  const sent = [
    await server.post('/v1/track', { ...twice, status: 'rejected', source: 'other', answer: 1 }),
    await server.post('/v1/batch', { batch: [twice, { type: 'track', userId: 'u' }] }),
    await server.post('/v1/track', { userId: 'nobody' }),
  ];
  const said = await Promise.all(sent.map((response) => response.json()));
  await until('all are seen', () => {
    const refused = stream.entries.filter(({ status }) => status === 'rejected');
    return named(stream, 'Twice').length === 2 && refused.length === 2;
  });
  stream.close();
  const [first, second] = named(stream, 'Twice');
  assert.deepEqual([first?.status, second?.status], ['stored', 'duplicate']);
  assert.equal(first?.source, 'test');
  assert.deepEqual(first?.answer, { status: 200, accepted: 1, rejected: 0, body: said[0] });
  assert.equal(second?.request.route, 'batch');
  assert.equal(second?.request.events, 2);
  const [inBatch, alone] = stream.entries.filter(({ status }) => status === 'rejected');
  assert.equal(inBatch?.field, 'event');
  assert.equal(inBatch?.request.index, 1);
  assert.deepEqual(inBatch?.answer, { status: 200, accepted: 1, rejected: 1, body: said[1] });
  assert.equal(alone?.code, 'event_not_defined');
  assert.deepEqual(alone?.answer, { status: 400, accepted: 0, rejected: 1, body: said[2] });
});

test('an account that is kept to a source sees its events only, and none after it has left', async () => {
  const cookie = await signedIn(server, 'viewer', { read: ['other'], write: [] });
  const theirs = await tail({ Cookie: cookie }, OTHER_KEY);
  const all = await tail(admin());
  await server.post('/v1/track', { event: 'Hidden', userId: 'u', source: 'other' });
  await server.post(
    '/v1/track',
    { event: 'Shown', userId: 'u' },
    { Authorization: basicAuth(OTHER_KEY) },
  );
  await until(
    'both are stored',
    () => named(all, 'Hidden').length + named(all, 'Shown').length > 1,
  );
  await until('theirs is seen', () => named(theirs, 'Shown').length === 1);
  assert.deepEqual([...new Set(theirs.entries.map(({ source }) => source))], ['other']);
  const people = await askAdmin<{ id: string; role: string }[]>(server, '/users');
  const id = people.value.find(({ role }) => role === 'viewer')?.id ?? '';
  const left = await askAdmin(server, `/users/${id}`, {
    method: 'PATCH',
    body: { isEnabled: false },
  });
  assert.equal(left.status, 200);
  await until('the stream of whoever has left ends', theirs.isOver);
  assert.equal(all.isOver(), false);
  all.close();
});
