/** What every SDK must be able to do against Millrace, with its own program as the sender. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { startFaultFront } from './fault-front.ts';
import type { Fault } from './fault-front.ts';
import { basicAuth, startTestServer } from './test-server.ts';
import type { Row, TestServer } from './test-server.ts';

export interface SdkProgram {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  folder?: string;
}

export interface SdkOptions {
  /** Says how to start the SDK's driver, or why it cannot be. */
  prepare(): Promise<({ ok: true } & SdkProgram) | { ok: false; reason: string }>;
  faults?: readonly Fault[];
}

const KEYS = { plain: 'compatKey0123456789', small: 'smallEventsKey0123' };
const MANY = 1_000;
const FAULTY = 100;
const RUN_MS_MAX = 150_000;
const FAULTS: readonly Fault[] = ['503', 'lost-answer', '429'];

/** Declares the suite of one SDK. A missing toolchain skips each of its tests, with the reason. */
export async function sdkSuite(name: string, options: SdkOptions): Promise<void> {
  const prepared = await options.prepare();
  const skip = prepared.ok ? false : prepared.reason;
  let server: TestServer;

  const drive = async (url: string, key: string, scenario: string, count: string) => {
    assert.ok(prepared.ok);
    const { command, args, env, folder } = prepared;
    const child = spawn(command, [...args, url, key, scenario, count], {
      cwd: folder,
      env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    assert.equal(signal, null, `${name} did not come to an end:\n${text.slice(-2000)}`);
    return { code, text };
  };
  const rowsOf = (where: string): Promise<Row[]> =>
    server.sql(`select * from events where ${where} order by timestamp`);

  describe(name, { skip }, () => {
    before(async () => {
      server = await startTestServer({
        config: {
          sources: [
            { name: 'Plain', slug: 'plain', writeKeys: [KEYS.plain] },
            {
              name: 'Small',
              slug: 'small',
              writeKeys: [KEYS.small],
              limits: { eventBytesMax: 2_000 },
            },
          ],
        },
      });
    });
    after(() => server.stop());

    test('all six calls arrive with what they carry', async () => {
      const { code, text } = await drive(server.url, KEYS.plain, 'six', '6');
      assert.equal(code, 0, text);
      const rows = await server.sqlUntil(`select * from events`, (found) => found.length === 6);
      const byType = new Map(rows.map((row) => [row['type'], row]));
      const cell = (type: string, column: string) => byType.get(type)?.[column];
      const json = (type: string, column: string) => JSON.parse(String(cell(type, column))) as Row;
      assert.equal(byType.size, 6);
      for (const row of rows) {
        assert.equal(row['user_id'], 'u1');
        assert.ok(String(row['message_id']).length > 10);
        assert.ok(row['sent_at'] !== null && row['original_timestamp'] !== null);
        assert.match(String(json(String(row['type']), 'context')['library']), /object/);
      }
      assert.equal(json('identify', 'traits')['plan'], 'pro');
      assert.equal(cell('track', 'event'), 'Order Completed');
      assert.equal(json('track', 'properties')['total'], 9.5);
      assert.equal(cell('page', 'name'), 'Home');
      assert.equal(json('page', 'properties')['path'], '/');
      assert.equal(cell('screen', 'name'), 'Start');
      assert.equal(cell('group', 'group_id'), 'g1');
      assert.equal(json('group', 'traits')['name'], 'Acme');
      assert.equal(cell('alias', 'previous_id'), 'a1');
    });

    test('1,000 events arrive, each once', async () => {
      const { code, text } = await drive(server.url, KEYS.plain, 'many', String(MANY));
      assert.equal(code, 0, text);
      await assertNumbered(server, KEYS.plain, MANY);
    });

    test('503, 429 and a lost answer: retried, nothing lost, nothing doubled', async () => {
      const fresh = await startTestServer();
      const front = await startFaultFront(fresh.url, options.faults ?? FAULTS);
      try {
        const { text } = await drive(front.url, fresh.writeKey, 'many', String(FAULTY));
        assert.equal(front.left(), 0, `every fault happened (${front.requests()} requests)`);
        await assertNumbered(fresh, fresh.writeKey, FAULTY, text);
      } finally {
        await front.close();
        await fresh.stop();
      }
    });

    test('400: what is refused is not repeated for ever, and what follows arrives', async () => {
      await drive(server.url, KEYS.small, 'refused', '2');
      await server.sqlUntil(`select 1 from events where event = 'Small'`, (r) => r.length === 1);
      const refused = await server.sqlUntil(
        `select code from rejected where source = 'small'`,
        (found) => found.length > 0,
      );
      assert.equal(refused[0]?.['code'], 'event_too_large');
      assert.deepEqual(await rowsOf(`event = 'Large'`), []);
    });

    test('401: an unknown key stores nothing, and the program comes to an end', async () => {
      const count = (await rowsOf('true')).length;
      await drive(server.url, 'unknownKey0123456789', 'six', '6');
      assert.equal((await rowsOf('true')).length, count);
    });
  });
}

async function assertNumbered(
  server: TestServer,
  key: string,
  count: number,
  text = '',
): Promise<void> {
  const query =
    `select count(*)::int as n, count(distinct properties->>'n')::int as distinct_n ` +
    `from events where event = 'Numbered'`;
  const wanted = { n: count, distinct_n: count };
  try {
    await server.sqlUntil(query, ([row]) => Number(row?.['distinct_n']) === count);
  } catch (error) {
    throw new Error(`${text.slice(-1500)}`, { cause: error });
  }
  // A late repetition would show now.
  const body = { userId: 'u', event: 'After' };
  await server.post('/v1/track', body, { Authorization: basicAuth(key) });
  await server.sqlUntil(`select 1 from events where event = 'After'`, (r) => r.length > 0);
  assert.deepEqual(await server.sql(query), [wanted]);
}
