/** When a promise cannot be kept the answer is 503, and it is kept again without anybody's help. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const event = { userId: 'u', event: 'E' };

async function assertUnavailable(response: Response, code: string): Promise<void> {
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '1');
  const body = (await response.json()) as { code: string; error: { type: string } };
  assert.equal(body.error.type, 'service_unavailable');
  assert.equal(body.code, code);
}

describe('too little disk space', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ config: { log: { minFreeBytes: '8000TB' } } });
    const endMs = performance.now() + 5_000;
    while ((await server.post('/v1/track', event)).status !== 503) {
      assert.ok(performance.now() < endMs, 'the disk is looked at within a second');
    }
  });
  after(() => server.stop());

  test('503 with Retry-After, a code and a reason', async () => {
    await assertUnavailable(await server.post('/v1/track', event), 'LOG_DISK_FULL');
  });

  test('a pixel is still an image, and says 503 to those who look', async () => {
    const data = Buffer.from(JSON.stringify({ ...event, writeKey: WRITE_KEY })).toString(
      'base64url',
    );
    const response = await fetch(`${server.url}/v1/pixel/track?data=${data}`);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('content-type'), 'image/gif');
  });

  test('/health says why; /metrics counts; SQL still answers', async () => {
    const endMs = performance.now() + 5_000;
    for (;;) {
      const health = await fetch(`${server.adminUrl}/health`);
      const body = (await health.json()) as { checks: { disk: string } };
      if (health.status === 503 && /minFreeBytes/.test(body.checks.disk)) break;
      assert.ok(performance.now() < endMs, JSON.stringify(body));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await server.sql('select 1 as one'), [{ one: 1 }]);
  });
});

describe('more than the disk takes', () => {
  test('beyond the queue bound 503; every event that was answered 200 is stored', async () => {
    const server = await startTestServer({
      config: {
        limits: { queueBytesMax: '1MiB', requestBytesMax: '2MB', eventBytesMax: '1MB' },
        sources: [
          {
            name: 'Large',
            slug: 'large',
            writeKeys: [WRITE_KEY],
            limits: { requestBytesMax: '2MB', eventBytesMax: '1MB' },
          },
        ],
      },
    });
    try {
      const filler = 'x'.repeat(700_000);
      const send = async (n: number): Promise<number> => {
        const messageId = `large-${n}`;
        const body = { ...event, messageId, properties: { filler } };
        const response = await server.post('/v1/track', body, {
          Authorization: basicAuth(WRITE_KEY),
        });
        if (response.status === 503) await assertUnavailable(response, 'LOG_OVERLOADED');
        return response.status;
      };
      const statuses = await Promise.all(Array.from({ length: 60 }, (_, n) => send(n)));
      const stored = statuses.filter((status) => status === 200).length;
      assert.equal(stored + statuses.filter((status) => status === 503).length, 60);
      assert.ok(stored > 0);
      assert.ok(stored < 60, 'the bound was reached');
      assert.equal(await send(1_000), 200, 'it takes events again by itself');
      await server.sqlUntil(
        `select count(*)::int as n from events where message_id like 'large-%'`,
        ([row]) => row?.['n'] === stored + 1,
      );
    } finally {
      await server.stop();
    }
  });
});
