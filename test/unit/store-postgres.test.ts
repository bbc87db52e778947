/** What only a PostgreSQL does: connections end, others hold locks, text has rules. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { openPostgresDatabase } from '../../src/store/engine/postgres-database.ts';
import { createSource, findSource, listSources } from '../../src/store/sources/sources.ts';
import {
  closeStore,
  dataVersion,
  inStoreSnapshot,
  inStoreTransaction,
  openStore,
} from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import { ensureWorkspace } from '../../src/store/workspace/workspaces.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { postgresPlace } from '../support/store-engines.ts';
import { until } from '../support/until.ts';

const KILL = `select count(pg_terminate_backend(pid)) as killed from pg_stat_activity
  where application_name = 'millrace control' and pid <> pg_backend_pid() and query like ?`;

describe('the control store in PostgreSQL', { skip: postgresSkip() }, () => {
  let postgres: PostgresServer;
  let store: Store;
  let other: Store;
  let count = 0;

  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());
  beforeEach(() => {
    // Short, because tests wait for locks that are never given.
    const place = { ...postgresPlace(postgres, `store_${++count}`), timeoutMs: 1_000 };
    store = openStore(place);
    ensureWorkspace(store);
    other = openStore(place);
  });
  afterEach(() => {
    closeStore(store);
    closeStore(other);
  });

  const slugs = (of: Store): string[] => listSources(of).map(({ slug }) => slug);
  const add = (to: Store, name: string) => createSource(to, { name, region: 'us' });
  /** Ends the connection that `mark` was said on; from another one, so that the end is at once. */
  const killAfter = (mark: string): void => {
    const row = other.database.prepare(KILL).get(`%${mark}%`);
    assert.equal(row?.['killed'], 1);
  };
  /** The last statement on the connection, so that it can be found. */
  const mark = (of: Store, text: string) => of.database.prepare(`select '${text}' as mark`).get();

  test('a connection that was ended while nobody asked is made again', async () => {
    add(store, 'one');
    const earlier = dataVersion(store);
    await until('the end is known', () => {
      const { rows } = killAll();
      return rows > 0;
    });
    assert.deepEqual(slugs(store), ['one']);
    killAll();
    add(store, 'two');
    assert.deepEqual(slugs(other), ['one', 'two']);
    await until('what was missed is asked for', () => dataVersion(store) > earlier);
    function killAll(): { rows: number } {
      return { rows: Number(other.database.prepare(KILL).get('%')?.['killed']) };
    }
  });

  test('what loses its connection while it runs is tried again, once', () => {
    store.database.exec('create sequence tries');
    const dieUntil = (last: number) =>
      store.database.prepare(
        `select pg_terminate_backend(pg_backend_pid()) from (select nextval('tries') as tried)
         as one where tried <= ${last}`,
      );
    assert.deepEqual(dieUntil(1).all(), []);
    store.database.exec('alter sequence tries restart');
    assert.throws(() => dieUntil(9).all(), { code: 'UNAVAILABLE' });
    assert.equal(store.database.prepare(`select nextval('tries') as n`).get()?.['n'], 3);
  });

  test('a connection that ends in a transaction undoes all of it, and says so', () => {
    const change = () =>
      inStoreTransaction(store, () => {
        add(store, 'half');
        mark(store, 'kill-me');
        killAfter('kill-me');
        add(store, 'other half');
      });
    assert.throws(change, { code: 'UNAVAILABLE' });
    assert.equal(store.database.isTransaction, false);
    assert.deepEqual(slugs(other), []);
    add(store, 'whole');
    assert.deepEqual(slugs(store), ['whole']);
  });

  test('a connection that ends before the commit commits nothing, and says so', () => {
    const change = () =>
      inStoreTransaction(store, () => {
        add(store, 'lost');
        mark(store, 'kill-me');
        killAfter('kill-me');
      });
    assert.throws(change, { code: 'UNAVAILABLE' });
    assert.deepEqual(slugs(store), []);
    assert.deepEqual(slugs(other), []);
  });

  test('changes are made one after the other; who waits too long is told', () => {
    inStoreTransaction(store, () => {
      assert.deepEqual(slugs(store), []);
      assert.throws(() => add(other, 'other'), { code: 'UNAVAILABLE', message: /busy/ });
      assert.deepEqual(slugs(other), [], 'reading waits for nobody');
      add(store, 'first');
    });
    add(other, 'second');
    assert.deepEqual(slugs(store), ['first', 'second']);
  });

  test('a change of one statement waits as well', () => {
    inStoreTransaction(store, () => {
      add(store, 'first');
      assert.throws(() => other.database.prepare('delete from labels').run(), /busy/);
    });
  });

  test('a snapshot is of one moment, and only reads', () => {
    inStoreSnapshot(store, () => {
      assert.deepEqual(slugs(store), []);
      add(other, 'meanwhile');
      assert.deepEqual(slugs(store), []);
    });
    assert.throws(() => inStoreSnapshot(store, () => add(store, 'no')), /read-only/);
    assert.deepEqual(slugs(store), ['meanwhile']);
  });

  test('each notices what others changed, also alone, and not what was undone', async () => {
    const earlier = dataVersion(store);
    const undone = () =>
      inStoreTransaction(other, () => {
        add(other, 'undone');
        throw new Error('no');
      });
    assert.throws(undone, /no/);
    add(store, 'own');
    add(other, 'theirs');
    await until('noticed', () => dataVersion(store) !== earlier);
    assert.equal(dataVersion(store), earlier + 1);
    other.database.prepare(`update sources set name = 'x' where slug = 'own'`).run();
    await until('noticed again', () => dataVersion(store) === earlier + 2);
  });

  test('a statement that fails in a transaction fails the commit as well', () => {
    const change = () =>
      inStoreTransaction(store, () => {
        add(store, 'kept?');
        assert.throws(() => store.database.prepare('select nonsense from sources').all());
      });
    assert.throws(change, /aborted|failed/);
    const reading = () =>
      inStoreTransaction(store, () => {
        assert.throws(() => store.database.prepare('select nonsense from sources').all());
      });
    assert.throws(reading, { code: 'CONFLICT' });
    assert.equal(findSource(store, 'kept'), undefined);
  });

  test('text that PostgreSQL cannot hold is the fault of who sends it', () => {
    const set = store.database.prepare('select ? || name as text from sources');
    assert.throws(() => set.all('a\0b'), { code: 'INVALID_ARGUMENT' });
    add(store, `O'Brien"; drop table sources; -- ? $1 \\`);
    assert.equal(listSources(store)[0]?.name, `O'Brien"; drop table sources; -- ? $1 \\`);
  });

  test('a wrong password and a server that is not there are told apart, without the password', () => {
    const { port } = postgres;
    for (const [url, message] of [
      [`postgres://postgres:s3cret@127.0.0.1:${port}/postgres`, /password/],
      ['postgres://postgres:s3cret@127.0.0.1:1/postgres', /ECONNREFUSED/],
    ] as const) {
      assert.throws(
        () => openPostgresDatabase({ url, schema: 'x', timeoutMs: 1_000 }),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'UNAVAILABLE');
          assert.match(error.message, message);
          return !error.message.includes('s3cret');
        },
      );
    }
  });
});
