/**
 * The control store in both engines: one set of steps on SQLite and on a real PostgreSQL, and what
 * only several nodes and a network can do.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { postgresPlace } from '../support/store-engines.ts';
import { basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

/** Names that would end a text, or a statement, if somebody put them into SQL. */
const HOSTILE = `O'Brien"; drop table sources; -- ? $1`;

let postgres: PostgresServer;
before(async () => {
  if (postgresSkip() === false) postgres = await startPostgres();
});
after(() => postgres?.stop());

const urlOf = (server: PostgresServer): string => postgresPlace(server, '').url;

async function ask(server: TestServer, method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.adminUrl}/admin${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, value: (await response.json()) as never };
}

const send = async (server: TestServer, key: string): Promise<number> => {
  const headers = { Authorization: basicAuth(key) };
  return (await server.post('/v1/track', { userId: 'u', event: 'E' }, headers)).status;
};

for (const engine of ['sqlite', 'postgres'] as const) {
  const skip = engine === 'postgres' ? postgresSkip() : false;
  describe(`the control store in ${engine}`, { skip }, () => {
    let server: TestServer;
    before(async () => {
      const store = engine === 'sqlite' ? {} : { engine, url: urlOf(postgres), schema: 'suite' };
      server = await startTestServer({ config: { store, net: { allow: ['127.0.0.1'] } } });
    });
    after(() => server.stop());

    test('sources and keys made by the command line are known to the collector', async () => {
      const created = await server.cli('sources', 'create', HOSTILE, '--slug', 'shop', '--json');
      assert.equal(created.code, 0, created.stderr);
      const listed = await server.cli('sources', 'list', '--json');
      assert.ok(listed.stdout.includes(JSON.stringify(HOSTILE).slice(1, -1)));
      const made = await server.cli('keys', 'create', '--source', 'shop', '--json');
      const { key } = JSON.parse(made.stdout) as { key: string };
      await until('the key works', async () => (await send(server, key)) === 200);
      const rotated = await server.cli('keys', 'rotate', key, '--overlap', '0s', '--json');
      assert.equal(rotated.code, 0, rotated.stderr);
      await until('the old key is refused', async () => (await send(server, key)) === 401);
    });

    test('people, tokens, destinations, queries, alerts and labels are kept', async () => {
      const invited = await ask(server, 'POST', '/invitations', {
        email: 'Ada@Example.com',
        role: 'admin',
      });
      const { invitation } = invited.value as { invitation: string };
      const password = 'correct horse battery';
      const accepted = await ask(server, 'POST', '/invitations/accept', { invitation, password });
      assert.equal(accepted.status, 201, JSON.stringify(accepted.value));
      const again = await ask(server, 'POST', '/sign-in', { email: 'ada@example.COM', password });
      assert.equal(again.status, 200, 'emails have no case');
      const service = await startFakeService();
      try {
        const destination = {
          name: HOSTILE,
          slug: 'crm',
          type: 'webhook',
          settings: { url: service.url, sharedSecret: 'sealed-secret-of-mine' },
        };
        const made = await ask(server, 'POST', '/destinations', destination);
        assert.equal(made.status, 201, JSON.stringify(made.value));
        await server.post('/v1/track', { userId: 'u', event: 'Delivered' });
        await until('it arrives', () => service.taken.length > 0);
      } finally {
        await service.close();
      }
      const query = await ask(server, 'POST', '/saved-queries', { name: HOSTILE, sql: 'select 1' });
      assert.ok([200, 201].includes(query.status), JSON.stringify(query.value));
      const rule = { name: HOSTILE, watch: { kind: 'dead-letters', above: 0 }, channels: [] };
      const alert = await ask(server, 'POST', '/alerts', rule);
      assert.equal(alert.status, 201, JSON.stringify(alert.value));
      const audit = await ask(server, 'GET', '/audit?limit=500');
      const text = JSON.stringify(audit.value);
      assert.ok(text.includes('Destination Created') && text.includes('Alert Rule Created'));
      assert.ok(!text.includes('sealed-secret-of-mine'));
    });

    test('a change that fails changes nothing', async () => {
      const earlier = await ask(server, 'GET', '/audit?limit=500');
      const taken = await ask(server, 'POST', '/sources', { name: 'Other', slug: 'shop' });
      assert.equal(taken.status, 409);
      const afterwards = await ask(server, 'GET', '/audit?limit=500');
      assert.deepEqual(afterwards.value, earlier.value);
    });
  });
}

describe('PostgreSQL, shared and away', { skip: postgresSkip() }, () => {
  test('two nodes that start at once share keys, and see changes of each other', async () => {
    const config = { store: { engine: 'postgres', url: urlOf(postgres), schema: 'shared' } };
    const starts = await Promise.allSettled([1, 2, 3].map(() => startTestServer({ config })));
    const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    try {
      const [one, other] = nodes;
      assert.ok(one && other);
      for (const start of starts) assert.equal(start.status, 'fulfilled', JSON.stringify(start));
      const made = await ask(one, 'POST', '/sources', { name: 'Shared' });
      const { writeKey } = made.value as { writeKey: string };
      assert.equal(await send(one, writeKey), 200);
      await until('the other knows the key', async () => (await send(other, writeKey)) === 200);
      const { value } = await ask(other, 'GET', '/sources/shared');
      const [key] = (value as { keys: { id: string }[] }).keys;
      await ask(other, 'POST', `/sources/shared/keys/${key?.id}/disable`);
      await until('the first refuses it', async () => (await send(one, writeKey)) === 401);
    } finally {
      for (const node of nodes) await node.stop();
    }
  });

  test('a server does not start without it, and says why', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/none?sslmode=disable';
    const config = { store: { engine: 'postgres', url, timeoutMs: 500 } };
    await assert.rejects(startTestServer({ config }), /PostgreSQL/);
  });
});
