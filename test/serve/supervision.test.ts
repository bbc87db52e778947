/** A thread that ends is started again; nothing that was acknowledged is gone. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

test('the lake thread ends on an error, is started again, and catches up', async () => {
  const server = await startTestServer();
  try {
    // Without the folder of its parts it cannot load, and ends; its start makes it anew.
    await rm(join(server.dataDir, 'us/parts'), { recursive: true });
    for (let n = 0; n < 5; n++) {
      const response = await server.post('/v1/track', { userId: 'u', event: 'Through', n });
      assert.equal(response.status, 200, 'collecting goes on');
    }
    const endMs = performance.now() + 20_000;
    const query = `select count(*)::int as n from events where event = 'Through'`;
    for (;;) {
      const rows = await server.sql(query).catch(() => []);
      if (rows[0]?.['n'] === 5) break;
      assert.ok(performance.now() < endMs, server.output());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
    assert.match(text, /millrace_thread_restarts_total\{thread="lake"\} [1-9]/);
    assert.equal((await fetch(`${server.adminUrl}/ready`)).status, 200);
  } finally {
    await server.stop();
  }
});
