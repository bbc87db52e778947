/** Looking up a person: links of ids, traits with their history, the timeline. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import type { Asked } from '../support/admin-people.ts';
import { WRITE_KEY, basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const OTHER_KEY = 'otherWriteKey0123456789';
/** For the engine it would end the statement that it stands in. */
const NUL = 'a\0b';
const HOSTILE = `x' or '1'='1' --`;
let server: TestServer;

interface Entry {
  messageId: string;
  type: string;
  name: string | null;
  at: string;
  properties: Record<string, unknown>;
}
interface Timeline {
  events: Entry[];
  next: string | null;
}
interface Person {
  kind: string;
  id: string;
  userIds: string[];
  anonymousIds: string[];
  sharedWith: string[];
  aliases: { previousId: string; userId: string }[];
  links: { userId: string | null; anonymousId: string | null; events: number }[];
  traits: { name: string; changes: { value: unknown; at: string; messageId: string }[] }[];
  timeline: Timeline;
}
interface Found {
  matches: { kind: string; id: string; by: string; events: number }[];
  person: Person | null;
}

before(async () => {
  server = await startTestServer({
    config: {
      sources: [
        { name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] },
        { name: 'Other', slug: 'other', writeKeys: [OTHER_KEY] },
      ],
    },
  });
  let seconds = 0;
  const at = (event: object) => ({
    messageId: `m${++seconds}`,
    timestamp: `2026-01-01T00:00:${String(seconds).padStart(2, '0')}Z`,
    ...event,
  });
  const batch = [
    { type: 'page', anonymousId: 'a1', name: 'Home' },
    {
      type: 'identify',
      userId: 'ada',
      anonymousId: 'a1',
      traits: { email: 'Ada@Example.com', plan: 'free' },
    },
    { type: 'track', userId: 'ada', event: 'Upgraded', properties: { to: 'pro' } },
    { type: 'identify', userId: 'ada', traits: { plan: 'pro', email: 'Ada@Example.com' } },
    { type: 'track', userId: 'ada-old', event: 'Long Ago' },
    { type: 'alias', userId: 'ada', previousId: 'ada-old' },
    { type: 'track', userId: 'bob', anonymousId: 'a1', event: 'Borrowed' },
    { type: 'track', userId: 'eve', event: HOSTILE, anonymousId: HOSTILE },
  ].map(at);
  await server.post('/v1/batch', { batch });
  const headers = { Authorization: basicAuth(OTHER_KEY) };
  await server.post('/v1/track', at({ userId: 'ada', event: 'Elsewhere' }), headers);
  await server.sqlUntil('select 1 from events', ({ length }) => length === batch.length + 1);
});
after(() => server.stop());

const ask = <T>(path: string, asked?: Asked) => askAdmin<T>(server, path, asked);
const find = async (query: string, asked?: Asked) =>
  (await ask<Found>(`/people?query=${encodeURIComponent(query)}`, asked)).value;
const idsOf = (timeline: Timeline | undefined) => timeline?.events.map((event) => event.messageId);

describe('a person', () => {
  test('is found by user id: links, aliases, and not the others of the browser', async () => {
    const { matches, person } = await find('ada');
    assert.partialDeepStrictEqual(matches, [{ kind: 'user', id: 'ada', by: 'id', events: 5 }]);
    assert.deepEqual(person?.userIds.toSorted(), ['ada', 'ada-old']);
    assert.ok(person.anonymousIds.includes('a1'));
    assert.deepEqual(person.sharedWith, ['bob']);
    assert.partialDeepStrictEqual(person.aliases, [{ previousId: 'ada-old', userId: 'ada' }]);
    const pairs = person.links.map(({ userId, anonymousId, events }) => [
      userId,
      anonymousId,
      events,
    ]);
    assert.deepEqual(
      pairs.toSorted(),
      [
        [null, 'a1', 1],
        ['ada', null, 4],
        ['ada', 'a1', 1],
        ['ada-old', null, 1],
        ['bob', 'a1', 1],
      ].toSorted(),
    );
    assert.deepEqual(idsOf(person.timeline), ['m9', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1']);
    assert.partialDeepStrictEqual(person.timeline.events[4], {
      type: 'track',
      name: 'Upgraded',
      source: 'test',
      properties: { to: 'pro' },
      at: '2026-01-01T00:00:03.000Z',
    });
  });

  test('has traits with what they were before', async () => {
    const { person } = await find('ada');
    const history = person?.traits.map(({ name, changes }) => [
      name,
      ...changes.map(({ value, messageId }) => `${String(value)} by ${messageId}`),
    ]);
    assert.deepEqual(history, [
      ['email', 'Ada@Example.com by m2'],
      ['plan', 'pro by m4', 'free by m2'],
    ]);
  });

  test('is found by email in any case, and by anonymous id', async () => {
    const byEmail = await find('ada@example.COM');
    assert.partialDeepStrictEqual(byEmail.matches, [{ kind: 'user', id: 'ada', by: 'email' }]);
    const shared = await find('a1');
    assert.partialDeepStrictEqual(shared.matches, [{ kind: 'anonymous', id: 'a1', events: 3 }]);
    assert.deepEqual(shared.person?.userIds, [], 'two people had this browser');
    assert.deepEqual(idsOf(shared.person?.timeline), ['m7', 'm2', 'm1']);
    assert.deepEqual(shared.person?.sharedWith.toSorted(), ['ada', 'bob']);
  });

  test('is found whatever the id holds, and so are the events', async () => {
    await server.post('/v1/track', { userId: NUL, event: NUL, messageId: NUL });
    await server.sqlUntil(
      `select 1 from events where user_id = 'a' || chr(0) || 'b'`,
      ({ length }) => length === 1,
    );
    const { matches, person } = await find(NUL);
    assert.partialDeepStrictEqual(matches, [{ kind: 'user', id: NUL, events: 1 }]);
    assert.deepEqual(idsOf(person?.timeline), [NUL]);
    const { value: trace } = await ask<{ copies: { event: string }[] }>(
      `/trace/${encodeURIComponent(NUL)}`,
    );
    assert.deepEqual(
      trace.copies.map(({ event }) => event),
      [NUL],
    );
  });

  test('nobody is found for an id that nobody has', async () => {
    assert.deepEqual(await find('nobody@example.com'), { matches: [], person: null });
    assert.equal((await ask('/people?query=')).status, 400);
  });
});

describe('a timeline', () => {
  test('comes in pages, each event once', async () => {
    const seen: string[] = [];
    let next = '';
    for (let pages = 0; pages < 10; pages++) {
      const { value } = await ask<Timeline>(
        `/people/timeline?kind=user&id=ada&limit=3${next && `&before=${next}`}`,
      );
      seen.push(...(idsOf(value) ?? []));
      if (value.next === null) break;
      next = value.next;
    }
    assert.deepEqual(seen, ['m9', 'm6', 'm5', 'm4', 'm3', 'm2', 'm1']);
  });

  test('a page that was made up is refused', async () => {
    const pages = ['x', '[]', JSON.stringify([1, "' or 1=1", '1 or 1=1', 0])];
    for (const page of pages) {
      const cursor = Buffer.from(page).toString('base64url');
      const { status } = await ask(`/people/timeline?kind=user&id=ada&before=${cursor}`);
      assert.equal(status, 400, page);
    }
  });
});

describe('what is asked for is never SQL, and shows nothing of other sources', () => {
  test('hostile ids find their own events alone', async () => {
    const { matches, person } = await find(HOSTILE);
    assert.partialDeepStrictEqual(matches, [{ kind: 'anonymous', id: HOSTILE, events: 1 }]);
    assert.deepEqual(idsOf(person?.timeline), ['m8']);
    for (const query of [`' or 1=1 --`, `\\' or 1=1 --`, `ada'`, '\u0000', `@' or ''='`]) {
      const found = await ask<Found>(`/people?query=${encodeURIComponent(query)}`);
      assert.equal(found.status, 200, found.text);
      assert.deepEqual(found.value.matches, [], query);
    }
  });

  test('somebody who is kept to some sources sees the part of a person that is in them', async () => {
    const cookie = await signedIn(server, 'viewer', { read: ['other'], write: [] });
    const { person } = await find('ada', { cookie });
    assert.deepEqual(idsOf(person?.timeline), ['m9']);
    assert.deepEqual([person?.traits, person?.userIds], [[], ['ada']]);
    assert.deepEqual((await find('a1', { cookie })).matches, []);
    assert.deepEqual((await find('ada@example.com', { cookie })).matches, []);
    const foreign = await ask('/people?query=ada&source=test', { cookie });
    assert.equal(foreign.status, 404);
    const one = await ask<Found>('/people?query=ada&source=test');
    assert.equal(one.value.matches[0]?.events, 4);
  });
});
