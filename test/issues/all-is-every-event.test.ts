/**
 * Segment's documented filter "don't send userId at all" has the condition `all`. It was taken for
 * a field that no event has: the filter was accepted, and userId and address were sent.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

let service: FakeService;
let server: TestServer;
before(async () => {
  service = await startFakeService();
  const hook = (slug: string, filters: object[]) => {
    return {
      name: slug,
      slug,
      type: 'webhook',
      settings: { url: `${service.url}/${slug}` },
      filters,
    };
  };
  const fields = { '': ['userId'], context: ['ip'] };
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      destinations: [
        hook('cut', [{ if: 'all', actions: [{ type: 'drop_properties', fields }] }]),
        hook('none', [{ if: ' all ', actions: [{ type: 'drop' }] }]),
        hook('whole', []),
      ],
    },
  });
});
after(async () => {
  await server.stop();
  await service.close();
});

test('the filter takes the fields from every event, and drops every event', async () => {
  const calls = ['track', 'identify', 'page'].map((type, at) => {
    const name = type === 'track' ? { event: 'Seen' } : {};
    const context = { ip: '9.9.9.9' };
    return { type, userId: 'secret', anonymousId: 'a', messageId: `m${at}`, context, ...name };
  });
  assert.equal((await server.post('/v1/batch', { batch: calls })).status, 200);
  const sentTo = (slug: string) => service.taken.filter(({ path }) => path === `/${slug}`);
  await until('all are delivered', () => sentTo('cut').length + sentTo('whole').length === 6);
  for (const { body } of sentTo('cut')) assert.doesNotMatch(body, /secret|9\.9\.9\.9/);
  for (const { body } of sentTo('whole')) assert.match(body, /secret/);
  assert.equal(sentTo('none').length, 0);
});
