/** What the log has let go comes from the lake: for new destinations and for replays. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const EVENTS = 4_000;

test('a destination that begins at the beginning gets what is only in the lake', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-archive-'));
  const service = await startFakeService();
  const log = { segmentBytesMax: '1MiB' };
  const config = { log, lake: { flushRows: 500 }, net: { allow: ['127.0.0.1'] } };
  const sent = Array.from({ length: EVENTS }, (_, n) => eventAt(n));
  try {
    const first = await startTestServer({ folder, config });
    for (let at = 0; at < EVENTS; at += 200) {
      const body = { batch: sent.slice(at, at + 200), context: { library: { name: 'test' } } };
      assert.equal((await first.post('/v1/batch', body)).status, 200);
    }
    await first.sqlUntil('select count(*)::int as n from events', ([row]) => row?.['n'] === EVENTS);
    assert.equal(await first.terminate(), 0);
    const segments = join(first.dataDir, 'us', 'log', 'us-0');
    const names = (await readdir(segments)).filter((name) => name.endsWith('.log')).sort();
    assert.ok(names.length >= 2, `the log has several segments: ${names.join()}`);
    // What retention does after a week.
    for (const name of names.slice(0, -1)) await rm(join(segments, name));

    const destination = { name: 'Hook', slug: 'hook', type: 'webhook', start: 'beginning' };
    const settings = { url: service.url, batch: true, batchEvents: 100 };
    const server = await startTestServer({
      folder,
      config: { ...config, destinations: [{ ...destination, settings }] },
    });
    try {
      const taken = () =>
        service.taken.flatMap(({ body }) => JSON.parse(body) as ReturnType<typeof eventAt>[]);
      await until('all have arrived', () => taken().length >= EVENTS, 30_000);
      const byId = new Map(taken().map((event) => [event.messageId, event]));
      assert.equal(byId.size, EVENTS);
      for (const event of sent) assert.partialDeepStrictEqual(byId.get(event.messageId), event);

      const args = ['--destination', 'hook', '--from', '2020-01-01T00:00:00Z', '--json'];
      const filter = ['--filter', 'properties.n < 10'];
      const { stdout, stderr } = await server.cli('replay', ...args, ...filter);
      assert.partialDeepStrictEqual(JSON.parse(stdout || stderr), { state: 'done', delivered: 10 });
    } finally {
      await server.terminate();
    }
  } finally {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  }
});

function eventAt(n: number) {
  return {
    type: 'track',
    messageId: `m-${n}`,
    anonymousId: `a${n % 7}`,
    event: 'Ordered',
    timestamp: '2026-01-31T10:00:00.000Z',
    properties: { n, price: 1.5, list: [1, 'two', null], nested: { ключ: '日本 🎌' } },
    context: { ip: '192.0.2.1' },
    integrations: { Hook: { option: true } },
    custom: { kept: [true] },
  };
}
