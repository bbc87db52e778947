/** The PostgreSQL destination against a real server: layout, exactness, faults, users. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import { postgres } from '../../src/destinations/postgres/postgres.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import {
  batchOf,
  deliveryEvent,
  openDestination,
  RECEIVED_AT_MS,
} from '../support/warehouse-delivery.ts';
import type { OpenedDestination } from '../support/warehouse-delivery.ts';

const never = new AbortController().signal;
const DELIVERED = { kind: 'delivered' };

describe('PostgreSQL', { skip: postgresSkip() }, () => {
  let server: PostgresServer;
  const opened: OpenedDestination[] = [];
  before(async () => {
    server = await startPostgres();
  });
  after(async () => {
    for (const destination of opened) await destination.close();
    await server.stop();
  });

  const login = () => {
    const { host, port, user, password, database } = server;
    return { host, port, user, password, database, ssl: 'disable' };
  };
  const open = async (
    slug: string,
    settings: Record<string, unknown> = {},
    destinationId = `to-${slug}`,
  ) => {
    const options = { destinationId, slugs: [slug] };
    const one = await openDestination(postgres, { ...login(), ...settings }, options);
    opened.push(one);
    return one;
  };
  const count = async (table: string) => {
    const [row] = await server.query(`select count(*)::int as rows from ${table}`);
    return row?.['rows'];
  };

  test('each call has its row in the table of its type, and a track in that of its event', async () => {
    const { deliver } = await open('layout');
    const slug = 'layout';
    await deliver([
      deliveryEvent({ position: 1, slug, message: { properties: { total: 9.5, sku: ['a'] } } }),
      deliveryEvent({ position: 2, slug, type: 'identify', message: { traits: { plan: 'pro' } } }),
      deliveryEvent({ position: 3, slug, type: 'page', message: { name: 'Home' } }),
      deliveryEvent({ position: 4, slug, type: 'screen', message: { category: 'Main' } }),
      deliveryEvent({ position: 5, slug, type: 'group', message: { groupId: 'g1', traits: {} } }),
      deliveryEvent({ position: 6, slug, type: 'alias', message: { previousId: 'a1' } }),
    ]);
    assert.deepEqual(
      await server.query('select id, event, event_text, user_id from layout.tracks'),
      [{ id: 'm-1', event: 'order_completed', event_text: 'Order Completed', user_id: 'u1' }],
    );
    assert.deepEqual(
      await server.query('select total, sku, context_library_name from layout.order_completed'),
      [{ total: 9.5, sku: '["a"]', context_library_name: 'tests' }],
    );
    assert.deepEqual(await server.query('select id, plan from layout.identifies'), [
      { id: 'm-2', plan: 'pro' },
    ]);
    assert.deepEqual(await server.query('select id, plan from layout.users'), [
      { id: 'u1', plan: 'pro' },
    ]);
    assert.deepEqual(await server.query('select name from layout.pages'), [{ name: 'Home' }]);
    assert.deepEqual(await server.query('select category from layout.screens'), [
      { category: 'Main' },
    ]);
    assert.deepEqual(await server.query('select group_id from layout.groups'), [
      { group_id: 'g1' },
    ]);
    assert.deepEqual(await server.query('select id from layout.accounts'), [{ id: 'g1' }]);
    assert.deepEqual(await server.query('select previous_id from layout.aliases'), [
      { previous_id: 'a1' },
    ]);
  });

  test('a batch that comes again leaves its rows as they are, also after a restart', async () => {
    const slug = 'twice';
    const events = [1, 2, 3].map((position) => deliveryEvent({ position, slug }));
    const first = await open(slug);
    assert.deepEqual(await first.deliver(events), [DELIVERED, DELIVERED, DELIVERED]);
    // Had the rows been read again, they would have come back.
    await server.query('delete from twice.tracks');
    await first.deliver(events);
    assert.equal(await count('twice.tracks'), 0);
    assert.deepEqual(await (await open(slug)).deliver(events), [DELIVERED, DELIVERED, DELIVERED]);
    assert.equal(await count('twice.tracks'), 0);
    assert.equal(await count('twice.order_completed'), 3);
  });

  test('events that come in another batch are not stored twice', async () => {
    const slug = 'overlap';
    const { deliver } = await open(slug);
    const events = [1, 2, 3].map((position) => deliveryEvent({ position, slug }));
    await deliver(events.slice(0, 2));
    await deliver(events);
    assert.equal(await count('overlap.tracks'), 3);
    assert.equal(await count('overlap.order_completed'), 3);
  });

  test('dead letters that come back have no place in the log, and are stored once', async () => {
    const slug = 'letters';
    const { deliver, destination } = await open(slug);
    const [first, second] = [1, 2].map((position) => deliveryEvent({ position, slug }));
    assert.ok(first && second);
    await deliver([second]);
    const again = { ...batchOf([first]), ranges: [] };
    for (let tries = 0; tries < 2; tries++) {
      assert.deepEqual(await destination.deliver(again, never), [DELIVERED]);
    }
    assert.equal(await count('letters.order_completed'), 2);
  });

  test('a replay has a cursor of its own, and stores only what is missing', async () => {
    const slug = 'replayed';
    const { deliver } = await open(slug);
    const events = [1, 2, 3].map((position) => deliveryEvent({ position, slug }));
    await deliver(events);
    await server.query(`delete from replayed.tracks where id <> 'm-2'`);
    assert.deepEqual(
      await deliver(events, { replayId: 'r1' }),
      events.map(() => DELIVERED),
    );
    assert.equal(await count('replayed.tracks'), 3);
    await server.query('delete from replayed.tracks');
    await deliver(events, { replayId: 'r1' });
    assert.equal(await count('replayed.tracks'), 0);
  });

  test('a commit whose answer is lost is recognised: rows are there exactly once', async (t) => {
    const proxy = await startCuttingProxy(server.port);
    t.after(() => proxy.close());
    const slug = 'cut';
    const { deliver } = await open(slug, { port: proxy.port });
    const events = [1, 2].map((position) =>
      deliveryEvent({ position, slug, type: 'identify', message: { traits: { n: position } } }),
    );
    proxy.cutAnswerTo('commit\0');
    const [lost] = await deliver(events);
    assert.equal(proxy.cuts(), 1);
    assert.ok(lost?.kind === 'retry');
    assert.equal(lost.reason, 'NETWORK');
    assert.equal(lost.scope, 'destination');
    assert.equal(await count('cut.identifies'), 2);
    assert.deepEqual(await deliver(events), [DELIVERED, DELIVERED]);
    assert.equal(await count('cut.identifies'), 2);
  });

  test('a connection that is cut before the commit leaves nothing, and then everything', async (t) => {
    const proxy = await startCuttingProxy(server.port);
    t.after(() => proxy.close());
    const slug = 'cut-early';
    const { deliver } = await open(slug, { port: proxy.port });
    const events = [1, 2].map((position) => deliveryEvent({ position, slug }));
    proxy.cutAnswerTo('savepoint');
    assert.equal((await deliver(events))[0]?.kind, 'retry');
    assert.equal((await server.query(`select to_regclass('cut_early.tracks') t`))[0]?.['t'], null);
    assert.deepEqual(await deliver(events), [DELIVERED, DELIVERED]);
    assert.equal(await count('cut_early.tracks'), 2);
  });

  test('a row that the database refuses is a dead letter, now and when it comes again', async () => {
    const slug = 'refused';
    const { deliver } = await open(slug);
    await deliver([deliveryEvent({ position: 1, slug, message: { properties: { price: 1 } } })]);
    await server.query('alter table refused.order_completed add check (price < 100)');
    const events = [2, 3, 4, 5, 6, 7].map((position) => {
      const price = position === 4 || position === 7 ? 1_000 : position;
      return deliveryEvent({ position, slug, message: { properties: { price } } });
    });
    const outcomes = await deliver(events);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'delivered', 'dead', 'delivered', 'delivered', 'dead'],
    );
    const [, , dead] = outcomes;
    assert.ok(dead?.kind === 'dead');
    assert.equal(dead.reason, 'PAYLOAD_INVALID');
    assert.match(dead.message, /check constraint/);
    // An event is there as a whole or not at all.
    for (const table of ['tracks', 'order_completed']) {
      const rows = await server.query(`select id from refused.${table} order by id`);
      assert.deepEqual(
        rows.map(({ id }) => id),
        ['m-1', 'm-2', 'm-3', 'm-5', 'm-6'],
      );
    }
    assert.deepEqual(await deliver(events), outcomes);
  });

  test('two destinations that load into one database at once do not hinder each other', async () => {
    const slugs = ['east', 'west', 'east'];
    const many = await Promise.all(slugs.map((slug, at) => open(slug, {}, `number-${at}`)));
    const eventsOf = (slug: string, at: number) =>
      [1, 2, 3].map((index) => {
        const position = at * 10 + index;
        const properties = { [`only_${at}`]: index, shared: index };
        return deliveryEvent({ position, slug, message: { properties } });
      });
    for (let round = 0; round < 3; round++) {
      const outcomes = await Promise.all(
        many.map((one, at) => one.deliver(eventsOf(slugs[at] ?? '', round * 3 + at))),
      );
      assert.deepEqual(new Set(outcomes.flat().map(({ kind }) => kind)), new Set(['delivered']));
    }
    assert.equal(await count('east.order_completed'), 18);
    assert.equal(await count('west.order_completed where only_1 is not null'), 3);
  });

  test('of two sources whose slugs give one name, each has a schema', async () => {
    const both = await openDestination(postgres, login(), { slugs: ['a-shop', 'a_shop'] });
    opened.push(both);
    await both.deliver([deliveryEvent({ position: 1, slug: 'a_shop' })]);
    await both.deliver([2, 3].map((position) => deliveryEvent({ position, slug: 'a-shop' })));
    assert.equal(await count('a_shop.tracks'), 1);
    const [other] = await server.query(
      `select schema_name from millrace.schemas where slug = 'a-shop'`,
    );
    assert.match(String(other?.['schema_name']), /^a_shop_[0-9a-f]{8}$/);
    assert.equal(await count(`${other?.['schema_name']}.tracks`), 2);
  });

  test('a slug that PostgreSQL or we keep gets a prefix; the prefix of the settings is first', async () => {
    const options = { destinationId: 'reserved', slugs: ['pg-shop', 'millrace'] };
    const reserved = await openDestination(postgres, login(), options);
    opened.push(reserved);
    await reserved.deliver([deliveryEvent({ position: 1, slug: 'pg-shop' })]);
    await reserved.deliver([deliveryEvent({ position: 2, slug: 'millrace' })]);
    assert.equal(await count('_pg_shop.tracks'), 1);
    assert.equal(await count('_millrace.tracks'), 1);
    const { deliver } = await open('prefixed', { schemaPrefix: 'events_' });
    await deliver([deliveryEvent({ position: 1, slug: 'prefixed' })]);
    assert.equal(await count('events_prefixed.tracks'), 1);
  });

  test('users have the latest value of each trait; an old call only fills what is empty', async () => {
    const slug = 'latest';
    const { deliver } = await open(slug);
    const identify = (position: number, hour: number, traits: Record<string, unknown>) => {
      const timestampMs = RECEIVED_AT_MS + hour * 3_600_000;
      return deliveryEvent({ position, slug, type: 'identify', timestampMs, message: { traits } });
    };
    const users = () => server.query('select plan, city, age from latest.users');
    // Not in the order in which it happened, and more than once for one user in a batch.
    await deliver([
      identify(1, -1, { plan: 'pro', age: 1 }),
      identify(2, -3, { plan: 'free', city: 'Rome' }),
    ]);
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Rome', age: '1' }]);
    await deliver([identify(3, -2, { plan: 'old', city: 'Oslo' })]);
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Rome', age: '1' }]);
    await deliver([identify(4, 0, { city: 'Bonn', age: null })]);
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Bonn', age: '1' }]);
    // A clock that runs ahead counts as the time of receipt.
    await deliver([identify(5, 9_999, { city: 'Kyiv' })]);
    await deliver([identify(6, 1, { city: 'Lima' })]);
    assert.deepEqual(await users(), [{ plan: 'pro', city: 'Lima', age: '1' }]);
    assert.equal(await count('latest.identifies'), 6);
  });

  test('users are deleted from every table of ours, and from no other', async () => {
    const slug = 'privacy';
    const { deliver, destination } = await open(slug);
    const both = (position: number, userId: string) => [
      deliveryEvent({ position, slug, userId }),
      deliveryEvent({ position: position + 1, slug, userId, type: 'identify' }),
    ];
    await deliver([...both(1, 'gone'), ...both(3, 'kept')]);
    await server.query(`create table privacy.own as select 'gone'::text as user_id`);
    await destination.deleteUsers?.(['gone', 'un\0known'], never);
    for (const table of ['tracks', 'order_completed', 'identifies']) {
      const rows = await server.query(`select user_id from privacy.${table}`);
      assert.deepEqual(rows, [{ user_id: 'kept' }]);
    }
    assert.deepEqual(await server.query('select id from privacy.users'), [{ id: 'kept' }]);
    assert.equal(await count('privacy.own'), 1);
  });

  test('the test of the settings passes, and leaves nothing behind', async () => {
    const { destination } = await open('tested');
    await destination.test?.(never);
    const rows = await server.query(`select 1 from pg_namespace where nspname = 'tested'`);
    assert.deepEqual(rows, []);
  });

  test('a user without rights fails the test, and makes events wait', async () => {
    await server.query(`create role guest login password 'guest'`);
    const { destination, deliver } = await open('guest', { user: 'guest', password: 'guest' });
    await assert.rejects(
      async () => destination.test?.(never),
      (error) => error instanceof MillraceError && error.code === 'DESTINATION_TEST_FAILED',
    );
    const [outcome] = await deliver([deliveryEvent({ position: 1, slug: 'guest' })]);
    assert.ok(outcome?.kind === 'retry');
    assert.equal(outcome.reason, 'CREDENTIALS_REFUSED');
  });

  const failures: [what: string, settings: Record<string, unknown>, reason: string][] = [
    ['a wrong password', { password: 'wrong' }, 'CREDENTIALS_REFUSED'],
    ['no password', { password: undefined }, 'CREDENTIALS_REFUSED'],
    ['a database that is not there', { database: 'nowhere' }, 'BATCH_REFUSED'],
    ['a certificate that nobody vouches for', { ssl: 'verify' }, 'NETWORK'],
    ['a port where nobody listens', { port: 1 }, 'NETWORK'],
  ];
  for (const [what, settings, reason] of failures) {
    test(`${what} makes events wait (${reason})`, async () => {
      const { deliver } = await open('failing', settings);
      const [outcome] = await deliver([deliveryEvent({ position: 1, slug: 'failing' })]);
      assert.ok(outcome?.kind === 'retry');
      assert.equal(outcome.reason, reason);
      assert.equal(outcome.scope, 'destination');
    });
  }

  test('over TLS the certificate is checked against its authority and its name', async () => {
    const verified = { ssl: 'verify', sslCertificateAuthority: server.certificate };
    const named = await open('tls', { ...verified, host: 'first.millrace.test' });
    assert.deepEqual(await named.deliver([deliveryEvent({ position: 1, slug: 'tls' })]), [
      DELIVERED,
    ]);
    const misnamed = await open('tls', { ...verified, host: 'other.millrace.test' });
    const [outcome] = await misnamed.deliver([deliveryEvent({ position: 2, slug: 'tls' })]);
    assert.ok(outcome?.kind === 'retry');
    assert.match(outcome.message, /altname|does not match/i);
    const unchecked = await open('tls', { ssl: 'require', host: 'other.millrace.test' });
    assert.deepEqual(await unchecked.deliver([deliveryEvent({ position: 2, slug: 'tls' })]), [
      DELIVERED,
    ]);
  });

  test('a server that is silent does not hold up what gives up on it', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    assert.ok(address !== null && typeof address === 'object');
    const { deliver } = await open('silent', { port: address.port });
    const giveUp = new AbortController();
    const connected = once(silent, 'connection');
    const delivering = deliver([deliveryEvent({ position: 1, slug: 'silent' })], {
      signal: giveUp.signal,
    });
    const [socket] = await connected;
    giveUp.abort();
    const [outcome] = await delivering;
    assert.ok(outcome?.kind === 'retry');
    assert.equal(outcome.reason, 'TIMEOUT');
    socket.destroy();
    silent.close();
  });

  test('tables that were taken away under us come back with the next batches', async () => {
    const slug = 'dropped';
    const { deliver } = await open(slug);
    await deliver([deliveryEvent({ position: 1, slug })]);
    await server.query('drop table dropped.order_completed');
    const [first] = await deliver([deliveryEvent({ position: 2, slug })]);
    assert.equal(first?.kind, 'retry');
    assert.deepEqual(await deliver([deliveryEvent({ position: 2, slug })]), [DELIVERED]);
    assert.equal(await count('dropped.order_completed'), 1);
    assert.equal(await count('dropped.tracks'), 2);
  });
});
