/** The ClickHouse destination against the engine of ClickHouse, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import { clickhouse } from '../../src/destinations/clickhouse/clickhouse.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { clickHouseSkip, startClickHouse } from '../support/clickhouse-server.ts';
import type { ClickHouseServer } from '../support/clickhouse-server.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { deliveryEvent, openDestination, RECEIVED_AT_MS } from '../support/warehouse-delivery.ts';
import type { OpenedDestination } from '../support/warehouse-delivery.ts';

const never = new AbortController().signal;
const DELIVERED = { kind: 'delivered' };

const CASES: [what: string, properties: JsonObject[], rows: JsonObject[]][] = [
  [
    'a type that changes is rescued',
    [{ v: 1 }, { v: 'two' }, { v: { w: true } }, { v: [4] }],
    [
      { v: 1, v_w: null, _rescued: null },
      { v: null, v_w: null, _rescued: '{"properties":{"v":"two"}}' },
      { v: null, v_w: true, _rescued: null },
      { v: null, v_w: null, _rescued: '{"properties":{"v":[4]}}' },
    ],
  ],
  [
    'a fraction makes a column of integers one of fractions',
    [{ v: 1 }, { v: 2.5 }],
    [
      { v: 1, _rescued: null },
      { v: 2.5, _rescued: null },
    ],
  ],
  [
    'numbers, times and texts keep their values to the ends of their types',
    [
      { i: -(2 ** 62), f: 1e-320, t: '2026-01-01T00:00:00.123456+02:00', s: `q'"\\\`\n\t\0🚀` },
      { i: 2 ** 53 + 2, f: -1e300, t: '1899-12-31T23:59:59Z', s: '\ud800' },
    ],
    [
      {
        i: -(2 ** 62),
        f: 1e-320,
        t: '2025-12-31 22:00:00.123456',
        s: `q'"\\\`\n\t\\u0000🚀`,
        _rescued: null,
      },
      {
        i: 2 ** 53 + 2,
        f: -1e300,
        t: null,
        s: '\\ud800',
        _rescued: '{"properties":{"t":"1899-12-31T23:59:59Z"}}',
      },
    ],
  ],
  [
    'names with quotes, reserved words, collisions and none at all have columns',
    [{ 'a`b': 1, select: 2, orderId: 3, order_id: 4, '': 5 }],
    [
      {
        a_b: 1,
        _select: 2,
        order_id: 3,
        order_id_9a00796f: 4,
        field_e3b0c442: 5,
        _rescued: null,
      },
    ],
  ],
];
describe('ClickHouse', { skip: await clickHouseSkip() }, () => {
  let server: ClickHouseServer;
  const opened: OpenedDestination[] = [];
  before(async () => {
    server = await startClickHouse();
  });
  after(async () => {
    for (const destination of opened) await destination.close();
    await server.stop();
  });

  const open = async (slug: string, settings: JsonObject = {}, ports: number[] = []) => {
    const options = { destinationId: slug, slugs: [slug], ports: [server.port, ...ports] };
    const login = { url: server.url, password: server.password, ...settings };
    const one = await openDestination(clickhouse, login, options);
    opened.push(one);
    return one;
  };
  const select = (text: string) => server.query(`${text} format JSONEachRow`);
  const count = async (table: string) => {
    const [row] = await select(`select toInt32(count()) as rows from ${table}`);
    return row?.['rows'];
  };
  const orders = (slug: string, properties: readonly JsonObject[]) =>
    properties.map((own, at) =>
      deliveryEvent({ position: at + 1, slug, message: { properties: own, context: {} } }),
    );

  test('each call has its row in the table of its type, and a track in that of its event', async () => {
    const slug = 'layout';
    const { deliver } = await open(slug);
    await deliver([
      deliveryEvent({ position: 1, slug, message: { properties: { total: 9.5, sku: ['a'] } } }),
      deliveryEvent({ position: 2, slug, type: 'identify', message: { traits: { plan: 'pro' } } }),
      deliveryEvent({ position: 3, slug, type: 'page', message: { name: 'Home' } }),
      deliveryEvent({ position: 4, slug, type: 'screen', message: { category: 'Main' } }),
      deliveryEvent({ position: 5, slug, type: 'group', message: { groupId: 'g1', traits: {} } }),
      deliveryEvent({ position: 6, slug, type: 'alias', message: { previousId: 'a1' } }),
    ]);
    const expected: [query: string, row: JsonObject][] = [
      [
        'select id, event, user_id from layout.tracks',
        { id: 'm-1', event: 'order_completed', user_id: 'u1' },
      ],
      ['select total, sku from layout.order_completed', { total: 9.5, sku: '["a"]' }],
      ['select id, plan from layout.identifies', { id: 'm-2', plan: 'pro' }],
      ['select id, plan from layout.users', { id: 'u1', plan: 'pro' }],
      ['select name from layout.pages', { name: 'Home' }],
      ['select category from layout.screens', { category: 'Main' }],
      ['select group_id from layout.groups', { group_id: 'g1' }],
      ['select id from layout.accounts', { id: 'g1' }],
      ['select previous_id from layout.aliases', { previous_id: 'a1' }],
    ];
    for (const [query, row] of expected) assert.deepEqual(await select(query), [row]);
  });

  test('a batch that comes again is ignored, also after a restart', async () => {
    const slug = 'twice';
    const events = orders(slug, [{ v: 1 }, { v: 2 }, { v: 3 }]);
    const first = await open(slug);
    assert.deepEqual(await first.deliver(events), [DELIVERED, DELIVERED, DELIVERED]);
    await first.deliver(events);
    await (await open(slug)).deliver(events);
    assert.equal(await count('twice.tracks'), 3);
    assert.equal(await count('twice.order_completed'), 3);
  });

  test('rows that come in another batch have the same sorting key, and become one', async () => {
    const slug = 'merged';
    const { deliver } = await open(slug);
    const events = orders(slug, [{ v: 1 }, { v: 2 }]);
    await deliver(events);
    await deliver(events, { replayId: 'r1' });
    assert.equal(await count('merged.order_completed'), 4);
    assert.equal(await count('merged.order_completed final'), 2);
  });

  for (const table of ['tracks', 'order_completed']) {
    test(`an insert into ${table} whose answer is lost is recognised when it comes again`, async (t) => {
      const proxy = await startCuttingProxy(server.port);
      t.after(() => proxy.close());
      const slug = `cut_${table}`;
      const url = `http://127.0.0.1:${proxy.port}`;
      const { deliver } = await open(slug, { url }, [proxy.port]);
      const events = orders(slug, [{ v: 1 }, { v: 2 }]);
      proxy.cutAnswerTo(`insert into \`${slug}\`.\`${table}\``);
      const [lost] = await deliver(events);
      assert.equal(proxy.cuts(), 1);
      assert.ok(lost?.kind === 'retry');
      assert.equal(lost.reason, 'NETWORK');
      assert.equal(await count(`${slug}.${table}`), 2);
      assert.deepEqual(await deliver(events), [DELIVERED, DELIVERED]);
      assert.equal(await count(`${slug}.tracks`), 2);
      assert.equal(await count(`${slug}.order_completed`), 2);
    });
  }

  test('a row that the server refuses is a dead letter, now and when it comes again', async () => {
    const slug = 'refused';
    const { deliver } = await open(slug);
    await deliver(orders(slug, [{ price: 1 }]));
    await server.query(
      'alter table refused.order_completed add constraint cheap check price < 100',
    );
    const events = [2, 3, 4, 5, 6].map((position) => {
      const price = position === 4 ? 1_000 : position;
      return deliveryEvent({ position, slug, message: { properties: { price } } });
    });
    for (let tries = 0; tries < 2; tries++) {
      const outcomes = await deliver(events);
      assert.deepEqual(
        outcomes.map(({ kind }) => kind),
        ['delivered', 'delivered', 'dead', 'delivered', 'delivered'],
      );
      assert.ok(outcomes[2]?.kind === 'dead');
      assert.equal(outcomes[2].reason, 'PAYLOAD_INVALID');
      assert.match(outcomes[2].message, /cheap/);
      assert.equal(await count('refused.order_completed'), 5);
    }
  });

  CASES.forEach(([what, properties, rows], at) => {
    test(what, async () => {
      const slug = `case_${at}`;
      const columns = Object.keys(rows[0] ?? {}).join(', ');
      // Each event as after a restart: what is known is read from the server.
      for (const event of orders(slug, properties)) {
        assert.deepEqual(await (await open(slug)).deliver([event]), [DELIVERED]);
      }
      const text = `select ${columns} from ${slug}.order_completed order by received_at`;
      assert.deepEqual(await select(text), rows);
      const batch = `batch_${at}`;
      await (await open(batch)).deliver(orders(batch, properties));
      assert.deepEqual(await select(text.replace(slug, batch)), rows);
    });
  });

  test('beyond the limit of columns values are rescued', async () => {
    const slug = 'limited';
    const { deliver } = await open(slug, { columnsMax: 50 });
    const names = Array.from({ length: 60 }, (_, at) => `p${at}`);
    await deliver(orders(slug, [Object.fromEntries(names.map((name, at) => [name, at]))]));
    const [row] = await select('select * from limited.order_completed');
    assert.equal(Object.keys(row ?? {}).length, 50);
    const { properties } = JSON.parse(String(row?.['_rescued'])) as { properties: JsonObject };
    for (const [at, name] of names.entries()) assert.equal(row?.[name] ?? properties[name], at);
  });

  test('users have the latest value of each trait, in whatever order calls come', async () => {
    const slug = 'latest';
    const { deliver } = await open(slug);
    const identify = (position: number, hour: number, traits: JsonObject) => {
      const timestampMs = RECEIVED_AT_MS + hour * 3_600_000;
      return deliveryEvent({ position, slug, type: 'identify', timestampMs, message: { traits } });
    };
    await deliver([
      identify(1, -1, { plan: 'pro' }),
      identify(2, -3, { plan: 'free', city: 'Rome' }),
    ]);
    await deliver([identify(3, -2, { plan: 'old', city: 'Oslo', age: 7 })]);
    const users = () => select('select plan, city, age from latest.users');
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Oslo', age: 7 }]);
    // A clock that runs ahead counts as the time of receipt.
    await deliver([identify(4, 9_999, { city: 'Kyiv' }), identify(5, 1, { city: 'Lima' })]);
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Lima', age: 7 }]);
  });

  test('of two sources whose slugs give one name, each has a database', async () => {
    const options = { slugs: ['a-shop', 'a_shop'], ports: [server.port] };
    const login = { url: server.url, password: server.password, databasePrefix: 'both_' };
    const both = await openDestination(clickhouse, login, options);
    opened.push(both);
    await both.deliver([deliveryEvent({ position: 1, slug: 'a_shop' })]);
    await both.deliver([2, 3].map((position) => deliveryEvent({ position, slug: 'a-shop' })));
    const rows = await select(
      `select name from system.databases where comment = 'millrace source both_:a-shop'`,
    );
    assert.match(String(rows[0]?.['name']), /^both_a_shop_[0-9a-f]{8}$/);
    assert.equal(await count('both_a_shop.tracks'), 1);
    assert.equal(await count(`${rows[0]?.['name']}.tracks`), 2);
  });

  test('users are deleted from every table of ours, and from no other', async () => {
    const slug = 'privacy';
    const { deliver, destination } = await open(slug);
    const both = (position: number, userId: string) => [
      deliveryEvent({ position, slug, userId }),
      deliveryEvent({ position: position + 1, slug, userId, type: 'identify' }),
    ];
    await deliver([...both(1, `it's gone`), ...both(3, 'kept')]);
    await server.query(
      `create table privacy.own (user_id String) engine = MergeTree order by user_id`,
    );
    await server.query(`insert into privacy.own values ('it\\'s gone')`);
    await destination.deleteUsers?.([`it's gone`], never);
    for (const table of ['tracks', 'order_completed', 'identifies']) {
      assert.deepEqual(await select(`select user_id from privacy.${table}`), [{ user_id: 'kept' }]);
    }
    assert.deepEqual(await select('select id from privacy.users'), [{ id: 'kept' }]);
    assert.equal(await count('privacy.own'), 1);
  });

  test('the test of the settings passes with the right password only', async () => {
    const good = await open('tested');
    await good.destination.test?.(never);
    assert.deepEqual(await select(`select name from system.tables where database = 'tested'`), []);
    const bad = await open('tested', { password: 'wrong' });
    await assert.rejects(
      async () => bad.destination.test?.(never),
      (error) => error instanceof MillraceError && error.code === 'DESTINATION_TEST_FAILED',
    );
    const [outcome] = await bad.deliver(orders('tested', [{}]));
    assert.ok(outcome?.kind === 'retry');
    assert.equal(outcome.reason, 'CREDENTIALS_REFUSED');
  });

  test('what is not ClickHouse makes events wait', async (t) => {
    const other = await startCuttingProxy(1);
    t.after(() => other.close());
    const url = `http://127.0.0.1:${other.port}`;
    const { deliver } = await open('elsewhere', { url }, [other.port]);
    const [outcome] = await deliver(orders('elsewhere', [{}]));
    assert.ok(outcome?.kind === 'retry');
    assert.equal(outcome.scope, 'destination');
  });

  test('a table that was taken away under us comes back with the next batches', async () => {
    const slug = 'dropped';
    const { deliver } = await open(slug);
    const [first, second] = orders(slug, [{ v: 1 }, { v: 2 }]);
    assert.ok(first && second);
    await deliver([first]);
    await server.query('drop table dropped.order_completed');
    assert.equal((await deliver([second]))[0]?.kind, 'retry');
    assert.deepEqual(await deliver([second]), [DELIVERED]);
    assert.equal(await count('dropped.order_completed'), 1);
    assert.equal(await count('dropped.tracks'), 2);
  });
});
