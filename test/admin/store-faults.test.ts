/**
 * A server whose PostgreSQL goes away in every way it can: events are taken throughout, changes
 * are refused with a reason, and all of it resumes by itself.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { secretHint } from '../../src/config/masked-config.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { postgresSkip, startPostgres } from '../support/postgres-server.ts';
import type { PostgresServer } from '../support/postgres-server.ts';
import { postgresPlace } from '../support/store-engines.ts';
import { runCli, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

/** Reaches the server as an environment does, not in the file. */
const VARIABLE = 'CONTROL_URL';

describe('a server whose PostgreSQL goes away', { skip: postgresSkip() }, () => {
  let postgres: PostgresServer;
  let proxy: CuttingProxy;
  let server: TestServer;
  let sent = 0;

  before(async () => {
    postgres = await startPostgres();
    proxy = await startCuttingProxy(postgres.port);
    const store = { engine: 'postgres', url: `\${${VARIABLE}}`, timeoutMs: 500 };
    const { url } = postgresPlace(postgres, '', proxy.port);
    server = await startTestServer({ config: { store }, env: { [VARIABLE]: url } });
  });
  after(async () => {
    await server?.stop();
    await proxy?.close();
    await postgres?.stop();
  });

  async function admin(method: string, path: string, body?: unknown) {
    const response = await fetch(`${server.adminUrl}/admin${path}`, {
      method,
      headers: { Authorization: `Bearer ${server.token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
  const create = (name: string) => admin('POST', '/sources', { name });
  async function health(): Promise<{ status: number; store: string }> {
    const response = await fetch(`${server.adminUrl}/health`);
    const { checks } = (await response.json()) as { checks: { store: string } };
    return { status: response.status, store: checks.store };
  }
  async function sendSome(): Promise<void> {
    for (let n = 0; n < 20; n++, sent++) {
      const response = await server.post('/v1/track', { userId: 'u', event: `E${sent}` });
      assert.equal(response.status, 200, await response.text());
    }
  }
  async function metric(): Promise<string> {
    const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
    return /^millrace_control_store_up (\d)$/m.exec(text)?.[1] ?? text;
  }

  /** Away, with events before, during and after; then back. */
  async function endure(name: string, goAway: () => unknown, comeBack: () => unknown) {
    await sendSome();
    await goAway();
    await until('it is noticed', async () => (await health()).store !== 'ok');
    await sendSome();
    const refused = await create(name);
    assert.equal(refused.status, 503);
    assert.match(refused.text, /The control store \(PostgreSQL\) cannot be reached/);
    const state = await health();
    assert.equal(state.status, 200, 'nobody shall end a server that takes events');
    assert.match(state.store, /PostgreSQL cannot be reached; events are taken/);
    await until('the metric says so', async () => (await metric()) === '0');
    await comeBack();
    await until('it is back', async () => (await health()).store === 'ok');
    assert.equal((await create(name)).status, 201);
    await sendSome();
  }

  test('cut off', () =>
    endure(
      'Cut',
      () => proxy.setMode('hang-up'),
      () => proxy.setMode('pass'),
    ));

  test('silent', () =>
    endure(
      'Silent',
      () => proxy.setMode('silence'),
      () => proxy.setMode('pass'),
    ));

  test('stopped and started again', () =>
    endure(
      'Stopped',
      () => postgres.halt(),
      () => postgres.startAgain(),
    ));

  test('changes that others made meanwhile are in force when it is back', async () => {
    const other = `${postgres.host}:${postgres.port}`;
    const disable = `update millrace.sources set is_enabled = 0 where slug = 'test'`;
    const count = `update millrace.control_state set number = number + 1 where name = 'changes'`;
    proxy.setMode('hang-up');
    await until('it is noticed', async () => (await health()).store !== 'ok');
    await postgres.query(`${disable}; ${count}`);
    await sendSome();
    proxy.setMode('pass');
    await until(`what ${other} says is in force`, async () => {
      return (await server.post('/v1/track', { userId: 'u', event: 'no' })).status === 401;
    });
  });

  test('cut while it commits: the answer says that nobody knows', async () => {
    const cuts = proxy.cuts();
    proxy.cutAnswerTo('; commit');
    const answer = await create('Unknown');
    assert.equal(proxy.cuts(), cuts + 1);
    assert.equal(answer.status, 503);
    assert.match(answer.text, /look whether the change was made/);
    const { text } = await admin('GET', '/sources');
    assert.ok(text.includes('"unknown"'), 'here it was');
    assert.equal((await create('Unknown')).status, 409);
  });

  test('every event is there', async () => {
    await server.sqlUntil(`select count(*) as n from events where event like 'E%'`, ([row]) => {
      return Number(row?.['n']) === sent;
    });
  });

  test('the printed configuration hides the address', async () => {
    const { url } = postgresPlace(postgres, '', proxy.port);
    const args = ['config', '--print', '--config', server.configFile];
    const { stdout } = await runCli(args, { env: { [VARIABLE]: url } });
    assert.ok(stdout.includes(secretHint(url)), stdout);
    assert.ok(!stdout.includes('correct'));
    const unset = await runCli(args);
    assert.match(unset.stderr, /store.url: the environment has no CONTROL_URL/);
  });
});
