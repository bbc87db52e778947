/** Saved queries, names to complete, and queries that nobody waits for any more. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import type { Asked } from '../support/admin-people.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer({ config: { sql: { timeoutMs: 60_000 } } });
});
after(() => server.stop());

const ask = <T = Record<string, unknown>>(path: string, asked?: Asked) =>
  askAdmin<T>(server, path, asked);

interface Query {
  id: string;
  name: string;
  sql: string;
  createdBy: string;
}

test('a query is saved, changed and deleted, and the audit log has each step', async () => {
  const body = { name: '  Orders ', sql: 'select count(*) from events' };
  const made = await ask<Query>('/saved-queries', { body });
  assert.equal(made.status, 201);
  assert.partialDeepStrictEqual(made.value, { name: 'Orders', createdBy: 'admin token' });
  const path = `/saved-queries/${made.value.id}`;
  const changed = await ask<Query>(path, { method: 'PATCH', body: { sql: 'select 1' } });
  assert.partialDeepStrictEqual(changed.value, { name: 'Orders', sql: 'select 1' });
  const listed = await ask<Query[]>('/saved-queries');
  assert.deepEqual(listed.value, [changed.value]);
  assert.equal((await ask(path, { method: 'DELETE' })).status, 200);
  assert.equal((await ask(path, { method: 'DELETE' })).status, 404);
  assert.equal((await ask(path, { method: 'PATCH', body: { sql: 'x' } })).status, 404);
  assert.deepEqual((await ask<Query[]>('/saved-queries')).value, []);
  const audit = await ask<{ action: string; before: Query; after: Query }[]>('/audit');
  const entries = audit.value.map(({ action, before: old, after: fresh }) => [
    action,
    old?.sql,
    fresh?.sql,
  ]);
  assert.deepEqual(entries.slice(0, 3), [
    ['Saved Query Deleted', 'select 1', undefined],
    ['Saved Query Modified', body.sql, 'select 1'],
    ['Saved Query Created', undefined, body.sql],
  ]);
  for (const wrong of [{ name: '', sql: 'x' }, { name: 'x' }, { ...body, id: 'mine' }]) {
    assert.equal((await ask('/saved-queries', { body: wrong })).status, 400);
  }
});

test('a viewer reads them; who is kept to some sources does not, as with SQL', async () => {
  const body = { name: 'Mine', sql: 'select 1' };
  const viewer = await signedIn(server, 'viewer');
  const kept = await signedIn(server, 'member', { read: ['test'], write: ['test'] });
  const status = async (cookie: string, path: string, asked: Asked = {}) =>
    (await ask(path, { ...asked, cookie })).status;
  assert.equal(await status(viewer, '/saved-queries'), 200);
  assert.equal(await status(viewer, '/saved-queries', { body }), 403);
  assert.equal(await status(viewer, '/sql/tables'), 200);
  assert.equal(await status(kept, '/saved-queries'), 403);
  assert.equal(await status(kept, '/saved-queries', { body }), 403);
  assert.equal(await status(kept, '/sql/tables'), 403);
});

test('tables and columns of all schemas can be completed, and what is inside the lake cannot', async () => {
  await server.post('/v1/track', { userId: 'u', event: 'Order Completed', properties: { a: 1 } });
  await server.sqlUntil('select 1 from events', ({ length }) => length === 1);
  const { value } = await ask<{
    tables: { schema: string; name: string; columns: { name: string; type: string }[] }[];
  }>('/sql/tables');
  const names = value.tables.map(({ schema, name }) => `${schema}.${name}`);
  assert.deepEqual(names.slice(0, 2), ['main.events', 'main.rejected']);
  assert.ok(names.includes('test.order_completed'), names.join(' '));
  assert.ok(!names.some((name) => name.includes('hot_')), names.join(' '));
  const order = value.tables.find(({ name }) => name === 'order_completed');
  assert.ok(order?.columns.some(({ name, type }) => name === 'a' && type !== ''));
});

describe('a query that nobody waits for', () => {
  test('ends when the browser goes away, long before its time is up', async () => {
    const stop = new AbortController();
    const sql =
      'select count(*) from range(10000000) a, range(10000000) b where (a.range * b.range) % 7 = 3';
    const running = fetch(`${server.adminUrl}/sql`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ sql }),
      signal: stop.signal,
    });
    const cancelled = assert.rejects(running, { name: 'AbortError' });
    const loads = async () =>
      (await (await fetch(`${server.adminUrl}/metrics`)).text()).split('\n');
    const first = await loads();
    assert.ok(!first.some((line) => line.includes('sql_cancelled')));
    // The answer to a second query shows that the first was taken.
    await server.sql('select 1');
    stop.abort();
    await cancelled;
    await until('it is counted as cancelled', async () =>
      (await loads()).some((line) => /sql_queries_total\{.*"sql_cancelled".*\} 1$/.test(line)),
    );
  });
});
