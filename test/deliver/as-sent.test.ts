/** What destinations get of an event is what was sent, to the last digit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const PROPERTIES = '{"id":12345678901234567890,"price":1.50,"far":1E400,"none":-0, "é":"\\u00e9"}';
const EVENT = `{"type":"track","event":"Sold","userId":"u","messageId":"m","properties":${PROPERTIES}}`;

test('alone, in batches, forwarded, and out of the dead letters', async () => {
  const service = await startFakeService();
  const webhook = (slug: string, batch: boolean) => ({
    name: slug,
    slug,
    type: 'webhook',
    settings: { url: `${service.url}/${slug}`, batch },
    delivery: { batchAgeMs: 10 },
  });
  const server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      destinations: [
        webhook('alone', false),
        webhook('together', true),
        webhook('refused', false),
        {
          ...webhook('cut', false),
          filters: [
            {
              title: 'no secrets',
              if: 'userId = "u"',
              actions: [{ type: 'drop_properties', fields: { properties: ['secret'] } }],
            },
          ],
        },
        {
          name: 'onward',
          slug: 'onward',
          type: 'http',
          settings: { url: service.url, writeKey: 'k', gzip: false },
          delivery: { batchAgeMs: 10 },
        },
      ],
    },
  });
  let isRefusing = true;
  service.answerWith(({ path }) =>
    path === '/refused' && isRefusing ? { status: 400, body: 'no' } : { status: 200, body: '{}' },
  );
  const bodiesAt = (path: string): string[] =>
    service.taken.filter((request) => request.path === path).map(({ body }) => body);
  try {
    const answer = await server.post('/v1/batch', `{"batch":[${EVENT}],"sentAt":null}`);
    assert.equal(answer.status, 200);
    for (const path of ['/alone', '/together', '/refused', '/v1/batch']) {
      await until(`${path} was called`, () => bodiesAt(path).length > 0, 30_000);
      const [body = ''] = bodiesAt(path);
      assert.ok(body.includes(`"properties":${PROPERTIES}`), `${path}: ${body}`);
    }
    // A filter prints the event anew, with the numbers that were sent.
    await until('/cut was called', () => bodiesAt('/cut').length > 0, 30_000);
    const [cut = ''] = bodiesAt('/cut');
    const numbers = '"properties":{"id":12345678901234567890,"price":1.50,"far":1E400,"none":-0,';
    assert.ok(cut.includes(numbers), cut);
    isRefusing = false;
    await until(
      'it can be sent again',
      async () =>
        (await server.cli('dead-letters', 'retry', '--destination', 'refused', '--all')).code === 0,
      30_000,
    );
    await until('it came again', () => bodiesAt('/refused').length === 2, 30_000);
    assert.ok(bodiesAt('/refused')[1]?.includes(`"properties":${PROPERTIES}`));
  } finally {
    await server.stop();
    await service.close();
  }
});
