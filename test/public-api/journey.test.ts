/** A script written for Segment's Public API, with its own client, against a real server. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { Analytics } from '@segment/analytics-node';
import { OPERATIONS } from '../../src/admin/public-api/operations.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { modelProblems } from '../support/segment-model.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

type Call = (...args: unknown[]) => Promise<{ response: { statusCode: number }; body: Answer }>;
interface Answer {
  // The shapes are Segment's; what is read of them is checked by the assertions.
  data: Record<string, never>;
}
type Api = Record<string, Call> & { basePath: string; accessToken: string };
const sdk = createRequire(import.meta.url)('@segment/public-api-sdk-typescript') as Record<
  string,
  new (basePath: string) => Api
>;

let server: TestServer;
let service: FakeService;
before(async () => {
  service = await startFakeService();
  server = await startTestServer({ config: { net: { allow: ['127.0.0.1'] } } });
});
after(async () => {
  await server.stop();
  await service.close();
});

function api(name: string, token = server.token): Api {
  const Class = sdk[name];
  assert.ok(Class, name);
  const made = new Class(server.adminUrl);
  made.accessToken = token;
  return made;
}

/** Calls an operation; the shapes of answers are what each test says of them. */
async function call(name: string, operation: string, ...args: unknown[]) {
  const own = api(name);
  const method = own[operation];
  assert.ok(method, operation);
  const { body } = await method.apply(own, args);
  assert.deepEqual(modelProblems(operation, body), []);
  return body.data as Record<string, unknown>;
}

async function ask(method: string, path: string, options: { token?: string; body?: unknown } = {}) {
  const { token = server.token, body } = options;
  const response = await fetch(server.adminUrl + path, {
    method,
    headers: { Authorization: `Bearer ${token}`, Accept: 'application/vnd.segment.v1+json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const type = response.headers.get('content-type');
  return { status: response.status, type, value: (await response.json()) as Reply };
}
interface Reply {
  data?: Record<string, unknown>;
  errors?: { type: string; message: string; field?: string }[];
}

describe("Segment's client", () => {
  let sourceId = '';
  let destinationId = '';
  let writeKey = '';

  test('makes a source with a key that works, labels it, and reads back what it wrote', async () => {
    const { workspace } = await call('WorkspacesApi', 'getWorkspace');
    assert.ok((workspace as { id: string }).id);
    const settings = { website_url: 'https://shop.example' };
    const input = { slug: 'shop', enabled: true, metadataId: 'javascript', settings };
    const { source } = (await call('SourcesApi', 'createSource', input)) as {
      source: { id: string; writeKeys: string[]; metadata: { id: string } };
    };
    sourceId = source.id;
    [writeKey = ''] = source.writeKeys;
    assert.match(writeKey, /^\w{32}$/);
    const read = (await call('SourcesApi', 'getSource', sourceId)) as {
      source: { settings: object; metadata: { id: string }; slug: string; writeKeys: string[] };
    };
    assert.deepEqual(read.source.settings, settings);
    assert.equal(read.source.metadata.id, 'javascript');
    assert.ok(!read.source.writeKeys.includes(writeKey), 'a key is shown once');
    const labels = [{ key: 'team', value: 'web' }];
    await call('SourcesApi', 'addLabelsToSource', sourceId, { labels });
    const labelled = (await call('SourcesApi', 'getSource', sourceId)) as {
      source: { labels: { key: string; value: string }[] };
    };
    assert.partialDeepStrictEqual(labelled.source.labels, labels);
    const renamed = (await call('SourcesApi', 'updateSource', sourceId, { name: 'Shop' })) as {
      source: { name: string; settings: object };
    };
    assert.equal(renamed.source.name, 'Shop');
    assert.deepEqual(renamed.source.settings, settings);
  });

  test('connects a webhook, filters, sends, and reads the delivery overview', async () => {
    const made = (await call('DestinationsApi', 'createDestination', {
      sourceId,
      metadataId: 'webhook',
      enabled: true,
      name: 'CRM',
      settings: { url: `${service.url}/hook` },
    })) as { destination: { id: string; sourceId: string; settings: { url: string } } };
    destinationId = made.destination.id;
    assert.equal(made.destination.sourceId, sourceId);
    assert.equal(made.destination.settings.url, `${service.url}/hook`);
    const filter = {
      sourceId,
      if: 'event = "Noise"',
      actions: [{ type: 'DROP' }],
      title: 'No noise',
      enabled: true,
    };
    const preview = await call('DestinationFiltersApi', 'previewDestinationFilter', {
      filter: { if: filter.if, actions: filter.actions },
      payload: { type: 'track', event: 'Noise' },
    });
    assert.equal(preview['result'], null);
    const { filter: added } = (await call(
      'DestinationFiltersApi',
      'createFilterForDestination',
      destinationId,
      filter,
    )) as { filter: { id: string; title: string } };
    assert.equal(added.title, 'No noise');

    const analytics = new Analytics({ writeKey, host: server.url });
    analytics.track({ userId: 'u1', event: 'Order Completed' });
    analytics.track({ userId: 'u1', event: 'Noise' });
    await analytics.closeAndFlush();
    await until('the order arrives', () => service.taken.some(({ body }) => /Order/.test(body)));
    const range = { startTime: '2026-01-01T00:00:00Z', endTime: '2099-01-01T00:00:00Z' };
    const totalOf = async (stage: string): Promise<number> => {
      const query = new URLSearchParams({ ...range, sourceId, granularity: 'DAY' });
      query.set('destinationConfigId', destinationId);
      const { value } = await ask('GET', `/delivery-overview/${stage}?${query}`);
      return Number(value.data?.['total']);
    };
    await until('it is counted', async () => (await totalOf('successful-delivery')) === 1);
    await until('the noise is, too', async () => (await totalOf('filtered-at-destination')) === 1);
    assert.equal(await totalOf('successfully-received'), 2);
    assert.equal(await totalOf('failed-on-ingest'), 0);
    assert.equal(await totalOf('failed-delivery'), 0);
    const connected = (await call('SourcesApi', 'listConnectedDestinationsFromSource', sourceId, {
      count: 10,
    })) as { destinations: { id: string }[] };
    assert.deepEqual(
      connected.destinations.map(({ id }) => id),
      [destinationId],
    );
    await call('DestinationFiltersApi', 'removeFilterFromDestination', destinationId, added.id);
    await call('DestinationsApi', 'updateDestination', destinationId, { enabled: false });
    const { destination } = (await call('DestinationsApi', 'getDestination', destinationId)) as {
      destination: { enabled: boolean };
    };
    assert.equal(destination.enabled, false);
    await call('DestinationsApi', 'deleteDestination', destinationId);
    assert.equal((await ask('GET', `/destinations/${destinationId}`)).status, 404);
  });

  test("makes one of Segment's destinations with subscriptions", async () => {
    const { destination } = (await call('DestinationsApi', 'createDestination', {
      sourceId,
      metadataId: 'actions-webhook',
      enabled: true,
      settings: {},
    })) as { destination: { id: string } };
    const path = `/destinations/${destination.id}/subscriptions`;
    const settings = { url: `${service.url}/a`, data: { '@path': '$.' } };
    const body = {
      name: 'All',
      actionId: 'send',
      trigger: 'type = "track"',
      enabled: true,
      settings,
    };
    const made = await ask('POST', path, { body });
    assert.equal(made.status, 200, JSON.stringify(made.value));
    const { destinationSubscription: own } = made.value.data as {
      destinationSubscription: { id: string; trigger: string; settings: object };
    };
    assert.partialDeepStrictEqual(own.settings, settings);
    const input = { trigger: 'type = "identify"' };
    await ask('PATCH', `${path}/${own.id}`, { body: { input } });
    const read = await ask('GET', `${path}/${own.id}`);
    assert.partialDeepStrictEqual(read.value.data?.['subscription'], input);
    assert.equal((await ask('DELETE', `${path}/${own.id}`)).status, 200);
    assert.equal((await ask('GET', `${path}/${own.id}`)).status, 404);
    const wrong = await ask('POST', path, { body: { ...body, trigger: 'type = =' } });
    assert.equal(wrong.status, 400);
  });

  test('turns pages over the catalogue without missing or repeating anything', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { destinationsCatalog, pagination } = (await call(
        'CatalogApi',
        'getDestinationsCatalog',
        { count: 50, ...(cursor !== undefined && { cursor }) },
      )) as {
        destinationsCatalog: { id: string }[];
        pagination: { next?: string; totalEntries: number };
      };
      seen.push(...destinationsCatalog.map(({ id }) => id));
      cursor = pagination.next;
      if (cursor === undefined) assert.equal(seen.length, pagination.totalEntries);
    } while (cursor !== undefined);
    assert.ok(seen.length > 200);
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(seen.includes('webhook') && seen.includes('actions-slack'));
    assert.ok(!seen.includes('postgres'), 'warehouses have a catalogue of their own');
  });

  test('removes a leaked key by itself', async () => {
    const made = (await call('SourcesApi', 'createWriteKeyForSource', sourceId)) as {
      source: { writeKeys: string[] };
    };
    assert.match(made.source.writeKeys.at(-1) ?? '', /^\w{32}$/);
    await call('SourcesApi', 'removeWriteKeyFromSource', sourceId, writeKey);
    const basic = `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
    const event = { userId: 'u', event: 'x' };
    await until('the key is refused', async () => {
      return (await server.post('/v1/track', event, { Authorization: basic })).status === 401;
    });
  });
});

/** Everything is said in the path. */
const BODILESS = new Set(['createWriteKeyForSource', 'addConnectionFromSourceToWarehouse']);

describe('every operation', () => {
  const pathOf = (path: string): string => path.replace(/\{\w+\}/g, 'unknown-id');

  test('of the table answers as the table says, and never with a fault of ours', async () => {
    assert.equal(OPERATIONS.length, 201);
    for (const { method, path, name, status } of OPERATIONS) {
      const answer = await ask(method, pathOf(path), method === 'GET' ? {} : { body: {} });
      const isThere = answer.status !== 501;
      assert.equal(isThere, status === 'supported', `${name}: ${answer.status}`);
      assert.ok(answer.status < 500 || answer.status === 501, `${name}: ${answer.status}`);
      if (answer.status === 200) assert.deepEqual(modelProblems(name, answer.value), []);
      else assert.ok(answer.value.errors?.[0]?.message, name);
      assert.equal(answer.type, 'application/vnd.segment.v1+json', name);
    }
  });

  test('with an unknown id finds nothing', async () => {
    const withId = OPERATIONS.filter(
      ({ path, status, method }) =>
        path.includes('{') && status === 'supported' && method === 'GET',
    );
    assert.ok(withId.length >= 10);
    for (const { method, path, name } of withId) {
      assert.equal((await ask(method, pathOf(path))).status, 404, name);
    }
  });

  test('wants a token, and of a token the scope', async () => {
    for (const { method, path, name } of OPERATIONS) {
      if (path === '/') continue;
      const response = await fetch(server.adminUrl + pathOf(path), { method });
      assert.equal(response.status, 401, name);
      await response.arrayBuffer();
    }
    const made = await fetch(`${server.adminUrl}/admin/tokens`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ name: 'reader', role: 'admin', scopes: ['public_api:read'] }),
    });
    const { token } = (await made.json()) as { token: string };
    assert.equal((await ask('GET', '/sources', { token })).status, 200);
    const body = { slug: 'x', enabled: true, metadataId: 'javascript' };
    const refused = await ask('POST', '/sources', { token, body });
    assert.equal(refused.status, 403);
    assert.equal(refused.value.errors?.[0]?.type, 'forbidden');
  });

  test('that is supported is in the OpenAPI document, with what checks its body', async () => {
    const response = await fetch(`${server.adminUrl}/openapi.json`, {
      headers: { Authorization: `Bearer ${server.token}` },
    });
    const { paths } = (await response.json()) as {
      paths: Record<string, Record<string, { operationId: string; requestBody?: object }>>;
    };
    const listed = Object.values(paths).flatMap((own) =>
      Object.values(own).map(({ operationId }) => operationId),
    );
    const supported = OPERATIONS.filter(({ status }) => status === 'supported');
    assert.deepEqual(listed.toSorted(), supported.map(({ name }) => name).toSorted());
    for (const { method, path, name } of supported) {
      const isBodied = ['POST', 'PUT', 'PATCH'].includes(method);
      const hasBody = paths[path]?.[method.toLowerCase()]?.requestBody !== undefined;
      assert.equal(hasBody, isBodied && !BODILESS.has(name), name);
    }
    assert.match(JSON.stringify(paths['/sources']?.['post']), /"metadataId":{"type":"string"}/);
    assert.match(JSON.stringify(paths['/sources']?.['get']), /"name":"pagination"/);
    const volume = JSON.stringify(paths['/events/volume']?.['get']);
    assert.match(volume, /"name":"startTime","in":"query","required":true/);
  });

  test('names the field that is wrong', async () => {
    const body = { slug: 'Not a slug!', enabled: true, metadataId: 'javascript' };
    const refused = await ask('POST', '/sources', { body });
    assert.equal(refused.status, 400);
    assert.equal(refused.value.errors?.[0]?.field, 'slug');
    // What Segment does not know it ignores, too; what it knows is checked.
    const wrong = { ...body, slug: 'x', colour: 1, disconnectAllWarehouses: 'no' };
    const known = await ask('POST', '/sources', { body: wrong });
    assert.equal(known.value.errors?.[0]?.field, 'disconnectAllWarehouses');
    const page = await ask('GET', '/sources?pagination[count]=0');
    assert.equal(page.value.errors?.[0]?.field, 'pagination.count');
  });
});
