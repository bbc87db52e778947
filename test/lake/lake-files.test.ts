/** From hot rows to Parquet and away again: flush, compaction, retention, bounds, restarts. */
import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

async function send(server: TestServer, event: string, count: number): Promise<void> {
  const batch = Array.from({ length: count }, (_, n) => ({
    type: 'track',
    userId: `u${n % 10}`,
    event,
    properties: { n },
  }));
  for (let at = 0; at < count; at += 500) {
    const response = await server.post('/v1/batch', { batch: batch.slice(at, at + 500) });
    assert.equal(response.status, 200);
  }
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  const escaped = name.replace(/[{}"]/g, '\\$&');
  return Number(new RegExp(`^${escaped} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

async function metricUntil(
  server: TestServer,
  name: string,
  isDone: (value: number) => boolean,
): Promise<void> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const value = await metric(server, name);
    if (isDone(value)) return;
    assert.ok(performance.now() < endMs, `${name} stayed at ${value}`);
    await sleep(100);
  }
}

const countOf = (event: string) =>
  `select count(*)::int as n, count(distinct properties->>'n')::int as d
   from events where event = '${event}'`;
const FILES = 'millrace_lake_files{kind="events"}';

describe('flush and compaction', () => {
  test('rows stay countable, each once, while they move to Parquet and files are merged', async () => {
    const server = await startTestServer({
      config: { lake: { flushRows: 500, flushSeconds: 1, compactFilesMin: 3 } },
    });
    try {
      let isOver = false;
      const wrong: unknown[] = [];
      const watch = async (): Promise<void> => {
        for (let last = 0; !isOver;) {
          const [row] = await server.sql(countOf('Moved'));
          const n = Number(row?.['n']);
          if (n < last || n !== row?.['d']) wrong.push(row);
          last = n;
        }
      };
      const watching = watch();
      let sent = 0;
      for (let round = 0; round < 12; round++) {
        const batch = Array.from({ length: 400 }, () => ({
          type: 'track',
          userId: 'u',
          event: 'Moved',
          properties: { n: sent++ },
        }));
        await server.post('/v1/batch', { batch });
        await sleep(150);
      }
      await server.sqlUntil(countOf('Moved'), ([row]) => row?.['n'] === sent);
      await metricUntil(server, FILES, (files) => files >= 1 && files <= 3);
      isOver = true;
      await watching;
      assert.deepEqual(wrong.slice(0, 3), [], 'a query saw a row twice, or not any more');
      assert.deepEqual(await server.sql(countOf('Moved')), [{ n: sent, d: sent }]);
      assert.equal((await server.cli('verify')).code, 0);
    } finally {
      await server.stop();
    }
  });

  test('large rows become files by their bytes, long before there are many', async () => {
    const server = await startTestServer({
      config: { lake: { flushBytes: '1MiB', flushSeconds: 3_600 } },
    });
    try {
      const filler = 'x'.repeat(30_000);
      for (let n = 0; n < 60; n++) {
        await server.post('/v1/track', { userId: 'u', event: 'Large', properties: { n, filler } });
      }
      await server.sqlUntil(countOf('Large'), ([row]) => row?.['n'] === 60);
      await metricUntil(server, FILES, (files) => files >= 1);
      assert.deepEqual(await server.sql(countOf('Large')), [{ n: 60, d: 60 }]);
    } finally {
      await server.stop();
    }
  });

  test('files are sorted by day folders, readable by any tool, and strays are removed', async () => {
    const server = await startTestServer();
    await send(server, 'Day', 50);
    await server.sqlUntil(countOf('Day'), ([row]) => row?.['n'] === 50);
    await server.terminate();
    const [day = ''] = await readdir(join(server.dataDir, 'us/lake'));
    assert.equal(day, `day=${new Date().toISOString().slice(0, 10)}`);
    const stray = join(server.dataDir, 'us/lake', day, 'stray.parquet');
    await writeFile(stray, 'left by a crash');
    const again = await startTestServer({ folder: server.folder });
    assert.deepEqual(await again.sql(countOf('Day')), [{ n: 50, d: 50 }]);
    const names = await readdir(join(server.dataDir, 'us/lake', day));
    assert.ok(!names.includes('stray.parquet'));
    await again.stop();
  });
});

describe('retention', () => {
  test('log segments go by size once they are in Parquet; SQL and verify keep everything', async () => {
    const config = {
      log: { segmentBytesMax: '1MiB', retentionBytesMax: '1MiB' },
      lake: { flushRows: 1_000, flushSeconds: 1 },
    };
    const server = await startTestServer({ config });
    const filler = 'x'.repeat(2_000);
    let n = 0;
    for (let round = 0; round < 12; round++) {
      const batch = Array.from({ length: 150 }, () => ({
        type: 'track',
        userId: 'u',
        event: 'Kept',
        properties: { n: n++, filler },
      }));
      assert.equal((await server.post('/v1/batch', { batch })).status, 200);
    }
    await server.sqlUntil(countOf('Kept'), ([row]) => row?.['n'] === n);
    // Retention looks every half minute, and at its start; a restart makes it look again.
    await server.terminate();
    const again = await startTestServer({ folder: server.folder, config });
    const segments = async () =>
      (await readdir(join(server.dataDir, 'us/log/us-0'))).filter((name) => name.endsWith('.log'));
    const endMs = performance.now() + 20_000;
    while ((await segments()).length > 2) {
      assert.ok(performance.now() < endMs, `${(await segments()).length} segments left`);
      await sleep(200);
    }
    assert.deepEqual(await again.sql(countOf('Kept')), [{ n, d: n }]);
    // What is gone from the log is still known to be a duplicate.
    const verified = await again.cli('verify', '--json');
    assert.equal(verified.code, 0, verified.stdout);
    assert.equal((JSON.parse(verified.stdout) as { received: number }).received, n);
    await again.stop();
  });

  test('rejected events are bounded: the oldest files go, and verify still adds up', async () => {
    const server = await startTestServer({
      config: {
        lake: { flushRows: 100, flushSeconds: 1, rejectedRowsMax: 300, compactFilesMin: 50 },
      },
    });
    try {
      for (let round = 0; round < 8; round++) {
        const batch = Array.from({ length: 100 }, (_, n) => ({ type: 'track', userId: 'u', n }));
        await server.post('/v1/batch', { batch });
        await sleep(300);
      }
      const expired = 'millrace_lake_rejected_expired_total';
      await metricUntil(server, expired, (value) => value >= 100);
      const [row] = await server.sql('select count(*)::int as n from rejected');
      assert.ok(Number(row?.['n']) <= 500);
      await server.terminate();
      const verified = await server.cli('verify', '--json');
      assert.equal(verified.code, 0, verified.stdout);
      const report = JSON.parse(verified.stdout) as { rejected: number; rejectedExpired: number };
      assert.equal(report.rejected, 800);
      assert.ok(report.rejectedExpired >= 100);
    } finally {
      await rm(server.folder, { recursive: true, force: true });
      server.process.kill('SIGKILL');
    }
  });
});

describe('warehouse schema', () => {
  test('each source has its tables, with names and columns as Segment makes them', async () => {
    const server = await startTestServer({
      config: {
        sources: [{ name: 'My Shop', slug: 'my-shop', writeKeys: ['testWriteKey0123456789'] }],
      },
    });
    try {
      await server.post('/v1/batch', {
        batch: [
          { type: 'page', anonymousId: 'a1', name: 'Home', properties: { path: '/' } },
          { type: 'identify', userId: 'u1', anonymousId: 'a1', traits: { Plan: 'free', age: 30 } },
          { type: 'identify', userId: 'u1', traits: { Plan: 'pro' } },
          {
            type: 'track',
            userId: 'u1',
            event: '2FA Enabled',
            messageId: 'e1',
            properties: {
              orderId: 'o1',
              total: 9.5,
              cart: { currency: 'EUR' },
              items: [{ sku: 'a' }],
            },
          },
          { type: 'track', userId: 'u1', event: '2FA Enabled', properties: { total: 'free!' } },
          { type: 'group', userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } },
          { type: 'alias', userId: 'u1', previousId: 'old-u1' },
        ],
      });
      await server.sqlUntil('select 1 from my_shop.tracks', (rows) => rows.length === 2);
      const rows = await server.sql(
        `select id, user_id, event, event_text, order_id, total, cart_currency, items
         from my_shop."2fa_enabled" where id = 'e1'`,
      );
      assert.equal(rows[0]?.['order_id'], 'o1');
      assert.equal(rows[0]?.['total'], 9.5);
      assert.equal(rows[0]?.['cart_currency'], 'EUR');
      assert.equal(rows[0]?.['items'], '[{"sku":"a"}]');
      assert.equal(rows[0]?.['event_text'], '2FA Enabled');
      const users = await server.sql('select id, plan, age from my_shop.users');
      assert.deepEqual(
        users,
        [{ id: 'u1', plan: 'pro', age: '30' }].map((u) => ({ ...u, age: users[0]?.['age'] })),
      );
      assert.equal(Number(users[0]?.['age']), 30);
      const links = await server.sql(
        `select anonymous_id, user_id from my_shop.identity_links order by 1`,
      );
      assert.ok(links.some((l) => l['anonymous_id'] === 'a1' && l['user_id'] === 'u1'));
      assert.ok(links.some((l) => l['anonymous_id'] === 'old-u1' && l['user_id'] === 'u1'));
      const accounts = await server.sql('select id, name from my_shop.accounts');
      assert.deepEqual(accounts, [{ id: 'g1', name: 'Acme' }]);
      // The views are there again after a restart, before any event.
      await server.terminate();
      const again = await startTestServer({ folder: server.folder });
      assert.equal((await again.sql('select 1 from my_shop.tracks')).length, 2);
      await again.stop();
    } finally {
      server.process.kill('SIGKILL');
    }
  });
});
