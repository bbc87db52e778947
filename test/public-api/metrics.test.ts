/** Volume, delivery overview and usage of the Public API are what was really sent. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signedIn } from '../support/admin-people.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { askOperation } from '../support/public-api-client.ts';
import type { OperationAsk } from '../support/public-api-client.ts';
import { basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const RANGE = 'startTime=2026-01-01T00%3A00%3A00Z&endTime=2099-01-01T00%3A00%3A00Z';
const KEYS = { web: 'webWriteKey0123456789', app: 'appWriteKey0123456789' };

interface Dataset {
  total: number;
  dataset: { eventName?: string; eventType?: string; discardReason?: string; total: number }[];
}
interface Volume {
  result: { source?: { slug: string }; eventName?: string; total: number }[];
}

let server: TestServer;
let service: FakeService;
const ids = { web: '', app: '', hook: '' };
const ask = (name: string, options?: OperationAsk) => askOperation(server, name, options);

before(async () => {
  service = await startFakeService();
  server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'] },
      // Its events are in none of the numbers below.
      canary: { enabled: true, everySeconds: 1 },
      sources: [
        { name: 'Web', slug: 'web', writeKeys: [KEYS.web] },
        { name: 'App', slug: 'app', writeKeys: [KEYS.app] },
      ],
      destinations: [
        {
          name: 'Hook',
          slug: 'hook',
          type: 'webhook',
          sources: ['web'],
          settings: { url: `${service.url}/hook` },
          filters: [{ if: 'event = "Noise"', actions: [{ type: 'DROP' }], enabled: true }],
        },
      ],
    },
  });
  const send = async (source: keyof typeof KEYS, events: object[]): Promise<void> => {
    const headers = { Authorization: basicAuth(KEYS[source]) };
    assert.equal((await server.post('/v1/batch', { batch: events }, headers)).status, 200);
  };
  const app = { version: '2.1' };
  await send('web', [
    { type: 'track', event: 'Order', anonymousId: 'a1' },
    { type: 'track', event: 'Order', anonymousId: 'a1', userId: 'u1' },
    { type: 'track', event: 'Noise', anonymousId: 'a2' },
    { type: 'identify', anonymousId: 'a1', userId: 'u1' },
  ]);
  await send('app', [
    { type: 'track', event: 'Order', userId: 'u1', context: { app } },
    { type: 'screen', name: 'Home', anonymousId: 'a3', context: { app } },
  ]);
  await server.post('/v1/track', { userId: 'u' }, { Authorization: basicAuth(KEYS.web) });
  await server.sqlUntil(
    `select count(*)::int as n from events where source in ('web', 'app')`,
    ([row]) => row?.['n'] === 6,
  );
  const sources = (await ask('listSources'))['sources'] as { id: string; slug: string }[];
  for (const slug of ['web', 'app'] as const) {
    ids[slug] = sources.find((own) => own.slug === slug)?.id ?? '';
  }
  const [hook] = (await ask('listDestinations'))['destinations'] as { id: string }[];
  ids.hook = hook?.id ?? '';
  await until('it is delivered', () => service.taken.length === 3);
});
after(async () => {
  await server.stop();
  await service.close();
});

const overview = async (stage: string, query = ''): Promise<Dataset> =>
  (await ask(stage, {
    query: `${RANGE}&sourceId=${ids.web}&destinationConfigId=${ids.hook}${query}`,
  })) as unknown as Dataset;

describe('delivery overview', () => {
  const RECEIVED = 'getIngressSuccessMetricsFromDeliveryOverview';

  test('received: in all, and by event name, type and version of the app', async () => {
    await until('it is counted', async () => (await overview(RECEIVED)).total === 4);
    const byName = await overview(RECEIVED, '&groupBy=eventName&groupBy=eventType');
    assert.deepEqual(
      byName.dataset.map(({ eventName, eventType, total }) => [eventName, eventType, total]),
      [
        ['', 'identify', 1],
        ['Noise', 'track', 1],
        ['Order', 'track', 2],
      ],
    );
    const only = await overview(RECEIVED, '&filter%5BeventName%5D%5B0%5D=Order');
    assert.equal(only.total, 2);
    const byVersion = (await ask(RECEIVED, {
      query: `${RANGE}&sourceId=${ids.app}&groupBy%5B0%5D=appVersion`,
    })) as unknown as Dataset;
    assert.partialDeepStrictEqual(byVersion.dataset, [{ appVersion: '2.1', total: 2 }]);
  });

  test('what was refused and filtered has its reasons', async () => {
    const refused = 'getIngressFailedMetricsFromDeliveryOverview';
    await until('it is counted', async () => (await overview(refused)).total === 1);
    const failed = await overview(refused, '&groupBy=discardReason');
    assert.equal(failed.total, 1);
    assert.equal(failed.dataset.length, 1);
    assert.ok(failed.dataset[0]?.discardReason);
    const filtered = 'getFilteredAtDestinationMetricsFromDeliveryOverview';
    await until('it is counted', async () => (await overview(filtered)).total === 1);
    const [reason] = (await overview(filtered, '&groupBy=discardReason')).dataset;
    const name = reason?.discardReason ?? '';
    assert.ok(name);
    const other = await overview(filtered, '&filter%5BdiscardReason%5D=other');
    assert.equal(other.total, 0);
    assert.equal((await overview(filtered, `&filter.discardReason.0=${name}`)).total, 1);
    const atSource = await overview('getFilteredAtSourceMetricsFromDeliveryOverview');
    assert.deepEqual([atSource.total, atSource.dataset], [0, []]);
  });

  test('somebody who is kept to a source sees no counts over all destinations', async () => {
    const cookie = await signedIn(server, 'viewer', { read: ['web'], write: [] });
    const statusOf = async (stage: string, query: string): Promise<number> => {
      const url = `${server.adminUrl}/delivery-overview/${stage}?${RANGE}&sourceId=${query}`;
      return (await fetch(url, { headers: { Cookie: cookie } })).status;
    };
    assert.equal(await statusOf('successfully-received', ids.web), 200);
    assert.equal(await statusOf('successfully-received', ids.app), 404);
    assert.equal(await statusOf('successful-delivery', ids.web), 403);
    const own = `${ids.web}&destinationConfigId=${ids.hook}`;
    assert.equal(await statusOf('successful-delivery', own), 200);
  });

  test('what is not counted is refused by name', async () => {
    const query = `${RANGE}&groupBy=eventName`;
    const stage = 'getEgressSuccessMetricsFromDeliveryOverview';
    const refused = await ask(stage, { query, status: 400 });
    assert.equal(refused['field'], 'groupBy');
    const never = await ask(stage, { query: 'startTime=now', status: 400 });
    assert.equal(never['field'], 'startTime');
  });

  test('the summary of a destination tells what became of its events', async () => {
    const summaryOf = async () => {
      const params = [ids.hook];
      const found = await ask('listDeliveryMetricsSummaryFromDestination', { params });
      return found['deliveryMetricsSummary'] as {
        sourceId: string;
        destinationMetadataId: string;
        metrics: { metricName: string; total: number }[];
      };
    };
    const totals = async () =>
      Object.fromEntries((await summaryOf()).metrics.map((one) => [one.metricName, one.total]));
    await until('all is counted', async () => (await totals())['successful_delivery'] === 3);
    assert.deepEqual(await totals(), {
      successful_delivery: 3,
      failed_delivery: 0,
      filtered_at_destination: 1,
      retries: 0,
    });
    const { sourceId, destinationMetadataId } = await summaryOf();
    assert.deepEqual([sourceId, destinationMetadataId], [ids.web, 'webhook']);
  });
});

describe('volume and usage', () => {
  const volume = async (query: string): Promise<Volume> =>
    (await ask('getEventsVolumeFromWorkspace', {
      query: `${RANGE}&granularity=DAY${query}`,
    })) as unknown as Volume;

  test('volume by source and event name', async () => {
    const all = await volume('');
    assert.deepEqual(
      all.result.map(({ total }) => total),
      [6],
    );
    const bySource = await volume('&groupBy=source');
    assert.deepEqual(
      bySource.result.map(({ source, total }) => [source?.slug, total]),
      [
        ['app', 2],
        ['web', 4],
      ],
    );
    const orders = await volume('&groupBy=source&groupBy=eventName&eventName=Order');
    assert.deepEqual(
      orders.result.map(({ source, eventName, total }) => [source?.slug, eventName, total]),
      [
        ['app', 'Order', 1],
        ['web', 'Order', 2],
      ],
    );
    const one = await volume(`&sourceId=${ids.app}`);
    assert.deepEqual(
      one.result.map(({ total }) => total),
      [2],
    );
  });

  const month = new Date().toISOString().slice(0, 7);
  const today = `${new Date().toISOString().slice(0, 10)}T00:00:00.000Z`;
  const usage = async (name: string, list: string): Promise<Record<string, unknown>[]> => {
    const query = `period=${month}-01&pagination.count=200`;
    const found = (await ask(name, { query }))[list] as { timestamp: string }[];
    return found.filter(({ timestamp }) => timestamp === today);
  };

  test('calls of a day: what was received, also when it was refused', async () => {
    const [whole] = await usage('getDailyWorkspaceAPICallsUsage', 'dailyWorkspaceAPICallsUsage');
    assert.equal(whole?.['apiCalls'], '7');
    const each = await usage('getDailyPerSourceAPICallsUsage', 'dailyPerSourceAPICallsUsage');
    assert.deepEqual(
      new Map(each.map((one) => [one['sourceId'], one['apiCalls']])),
      new Map([
        [ids.web, '5'],
        [ids.app, '2'],
      ]),
    );
  });

  test('people of a month: known, unknown, and known meanwhile', async () => {
    const [whole] = await usage('getDailyWorkspaceMTUUsage', 'dailyWorkspaceMTUUsage');
    const people = { identified: '1', anonymous: '3', anonymousIdentified: '1' };
    assert.partialDeepStrictEqual(whole, { ...people, neverIdentified: '2' });
    const each = await usage('getDailyPerSourceMTUUsage', 'dailyPerSourceMTUUsage');
    const ofApp = each.find((one) => one['sourceId'] === ids.app);
    assert.partialDeepStrictEqual(ofApp, { identified: '1', anonymous: '1', neverIdentified: '1' });
  });

  test('a month is named by its first day', async () => {
    const query = 'period=2026-13-01';
    const refused = await ask('getDailyWorkspaceMTUUsage', { query, status: 400 });
    assert.equal(refused['field'], 'period');
  });
});
