/** Events and properties as they were seen: counts, types, what is odd, notes, exports. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import type { Asked } from '../support/admin-people.ts';
import { WRITE_KEY, basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const OTHER_KEY = 'otherWriteKey0123456789';
const HOSTILE = `x' or 1=1; --"<img src=x onerror=alert(1)>|[a](javascript:alert(1))\n# b\u202e`;
let server: TestServer;

interface Flag {
  kind: string;
  names: string[];
}
interface Property {
  name: string;
  types: { type: string; count: number }[];
  count: number;
  examples: string[];
  note: string | null;
  flags: Flag[];
}
interface Event {
  source: string;
  key: string;
  count: number;
  firstSeenAt: string;
  lastSeenAt: string;
  isSampled: boolean;
  note: string | null;
  flags: Flag[];
  properties: Property[];
}
interface Schema {
  events: Event[];
  isTruncated: boolean;
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
  const track = (event: string, properties: object) => ({
    type: 'track',
    userId: 'u',
    event,
    properties,
  });
  const batch = [
    track('Order Completed', { total: 10.5, currency: 'EUR', items: [1], coupon: null }),
    track('Order Completed', { total: 12, currency: 'EUR', coupon: 'x', gift: { to: 'a' } }),
    track('Order Completed', { total: '13', currency: 'USD' }),
    track('order_completed', { Total: 1 }),
    track('Complete Order', {}),
    track('Step 1', { currency: 7 }),
    track('Step 2', {}),
    track(HOSTILE, { [HOSTILE]: HOSTILE }),
    { type: 'identify', userId: 'u', traits: { total: true, plan: 'pro' } },
    { type: 'page', userId: 'u', name: 'Home', properties: { url: 'https://a.example' } },
    { type: 'page', userId: 'u', name: 'Prices', properties: {} },
  ];
  const many = Array.from({ length: 2_100 }, (_, at) => track('Frequent', { at }));
  for (const part of [batch, many]) await server.post('/v1/batch', { batch: part });
  const headers = { Authorization: basicAuth(OTHER_KEY) };
  await server.post('/v1/track', track('order completed', { total: 'text' }), headers);
  await server.sqlUntil(
    'select 1 from events',
    ({ length }) => length === batch.length + many.length + 1,
  );
});
after(() => server.stop());

const ask = <T = Record<string, unknown>>(path: string, asked?: Asked) =>
  askAdmin<T>(server, path, asked);

async function eventsOf(query: string): Promise<Map<string, Event>> {
  const { value, text } = await ask<Schema>(`/schema${query}`);
  assert.ok(value.events, text);
  return new Map(value.events.map((event) => [event.key, event]));
}

describe('what was seen', () => {
  test('has counts, types, times and examples', async () => {
    const events = await eventsOf('?source=test');
    const order = events.get('track/Order Completed');
    assert.partialDeepStrictEqual(order, { source: 'test', count: 3, isSampled: false });
    assert.ok(order && order.firstSeenAt <= order.lastSeenAt);
    assert.match(order.lastSeenAt, /^20\d\d-.*Z$/);
    const properties = new Map(order.properties.map((own) => [own.name, own]));
    assert.deepEqual([...properties.keys()].toSorted(), [
      'coupon',
      'currency',
      'gift',
      'items',
      'total',
    ]);
    const typesOf = (name: string) =>
      Object.fromEntries(properties.get(name)?.types.map(({ type, count }) => [type, count]) ?? []);
    assert.deepEqual(typesOf('total'), { number: 2, string: 1 });
    assert.deepEqual(typesOf('coupon'), { null: 1, string: 1 });
    assert.deepEqual(typesOf('items'), { array: 1 });
    assert.deepEqual(typesOf('gift'), { object: 1 });
    const currency = properties.get('currency');
    assert.partialDeepStrictEqual(currency, { count: 3, examples: ['"EUR"', '"USD"'] });
    const pages = events.get('page/');
    assert.equal(pages?.count, 2, 'pages are one event, whatever their names');
    assert.ok(events.get('identify/')?.properties.some(({ name }) => name === 'plan'));
  });

  test('is sampled by event when there is much, and nearly right', async () => {
    const frequent = (await eventsOf('?source=test')).get('track/Frequent');
    assert.partialDeepStrictEqual(frequent, { count: 2_100, isSampled: true });
    const counted = frequent?.properties[0]?.count ?? 0;
    assert.ok(counted > 1_000 && counted <= 2_100, String(counted));
  });

  test('comes by source, or of all that somebody may see', async () => {
    const all = await ask<Schema>('/schema');
    assert.deepEqual(
      new Set(all.value.events.map(({ source }) => source)),
      new Set(['test', 'other']),
    );
    const kept = await signedIn(server, 'member', { read: ['other'], write: [] });
    const own = await ask<Schema>('/schema', { cookie: kept });
    assert.deepEqual(
      own.value.events.map(({ key }) => key),
      ['track/order completed'],
    );
    assert.equal((await ask('/schema?source=test', { cookie: kept })).status, 404);
    assert.equal((await ask('/schema?days=0')).status, 400);
    const none = await signedIn(server, 'viewer', { read: [], write: [] });
    assert.deepEqual((await ask<Schema>('/schema', { cookie: none })).value.events, []);
  });
});

describe('what is not consistent is flagged', () => {
  const kindsOf = (flags: readonly Flag[] | undefined) => flags?.map(({ kind }) => kind);

  test('events whose names differ in case, spacing, tense or order, in one source', async () => {
    const events = await eventsOf('?source=test');
    const names = ['Order Completed', 'order_completed', 'Complete Order'];
    for (const name of names) {
      const [flag, ...more] = events.get(`track/${name}`)?.flags ?? [];
      assert.equal(flag?.kind, 'similar-events', name);
      assert.deepEqual(flag.names, names.filter((other) => other !== name).toSorted());
      assert.deepEqual(more, []);
    }
    assert.deepEqual(events.get('track/Step 1')?.flags, [], 'numbers are part of a name');
    assert.deepEqual((await eventsOf('?source=other')).get('track/order completed')?.flags, []);
  });

  test('properties with several types and spellings; traits are judged by themselves', async () => {
    const events = await eventsOf('?source=test');
    const flags = (key: string, name: string) =>
      kindsOf(events.get(key)?.properties.find((own) => own.name === name)?.flags);
    assert.deepEqual(flags('track/Order Completed', 'total'), [
      'similar-properties',
      'mixed-types',
    ]);
    assert.deepEqual(flags('track/order_completed', 'Total'), ['similar-properties']);
    assert.deepEqual(flags('track/Order Completed', 'coupon'), [], 'null is no type');
    assert.deepEqual(flags('track/Step 1', 'currency'), ['types-differ-between-events']);
    assert.deepEqual(flags('identify/', 'total'), []);
  });
});

describe('documentation', () => {
  const note = (body: object, cookie?: string) =>
    ask('/schema/notes', { method: 'PUT', body, ...(cookie && { cookie }) });

  test('of events and properties, also of those that are still to come', async () => {
    const place = { source: 'test', event: 'track/Order Completed' };
    assert.equal((await note({ ...place, text: 'A paid order.' })).status, 200);
    assert.equal((await note({ ...place, text: 'An order that is paid.' })).status, 200);
    await note({ ...place, property: 'total', text: 'With tax.' });
    await note({ source: 'test', event: 'track/Planned', property: 'why', text: 'Soon.' });
    const events = await eventsOf('?source=test');
    const order = events.get('track/Order Completed');
    assert.equal(order?.note, 'An order that is paid.');
    assert.equal(order.properties.find(({ name }) => name === 'total')?.note, 'With tax.');
    const planned = events.get('track/Planned');
    assert.partialDeepStrictEqual(planned, { count: 0, note: null });
    assert.partialDeepStrictEqual(planned?.properties, [{ name: 'why', note: 'Soon.', types: [] }]);
    assert.ok(!(await eventsOf('?source=other')).has('track/Planned'));
    await note({ source: 'test', event: 'track/Planned', property: 'why', text: '' });
    assert.ok(!(await eventsOf('?source=test')).has('track/Planned'));
    const { value } = await ask<{ action: string; before: unknown; after: unknown }[]>('/audit');
    const changes = value.filter(({ action }) => action === 'Event Documentation Modified');
    assert.equal(changes.length, 5);
    assert.partialDeepStrictEqual(changes[3], {
      before: { text: 'A paid order.' },
      after: { text: 'An order that is paid.' },
    });
  });

  test('is written by those who may change the source', async () => {
    const body = { source: 'test', event: 'track/x', text: 'x' };
    const kept = await signedIn(server, 'member', { read: ['test'], write: ['other'] });
    assert.equal((await note(body, kept)).status, 403);
    assert.equal((await note({ ...body, source: 'other' }, kept)).status, 200);
    assert.equal((await note({ ...body, source: 'nope' })).status, 404);
    for (const event of ['x', 'identify/x', 'nope/x']) {
      assert.equal((await note({ ...body, event })).status, 400, event);
    }
  });

  test('is exported, and no name is more than text (fault F43)', async () => {
    await note({ source: 'test', event: `track/${HOSTILE}`, text: '<b>bold</b>\n\n1. a' });
    const json = await ask<Schema>('/schema/export?format=json&source=test');
    const hostile = json.value.events.find(({ key }) => key === `track/${HOSTILE}`);
    assert.equal(hostile?.properties[0]?.name, HOSTILE);
    const { text } = await ask('/schema/export?source=test');
    assert.match(text, /^# Tracked events\n/);
    assert.match(text, /### track\\: Order Completed\n\nAn order that is paid\\\./);
    assert.match(text, /\n\| total \| number, string \| With tax\\\./);
    assert.doesNotMatch(text, /(^|[^\\])[<[]/, 'no tag and no link');
    assert.doesNotMatch(text, /\u202e|\n# b|\n1\. /, 'no line of its own, no other direction');
    assert.match(text, /\\<b\\>bold\\<\/b\\>/);
  });
});
