/** Segment's destinations on the wire, and what their answers mean for delivery. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { DeliveryOutcome } from '../../src/destinations/destination-contract.ts';
import { MillraceError } from '../../src/base/errors.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { MEANT_FOR, deliver, eventOf, startSegmentHarness } from '../support/segment-harness.ts';
import type { SegmentHarness } from '../support/segment-harness.ts';

let harness: SegmentHarness | undefined;
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

async function start(): Promise<SegmentHarness> {
  harness = await startSegmentHarness();
  return harness;
}

const ORDER = {
  type: 'track',
  event: 'Order Completed',
  userId: 'u1',
  properties: {
    order_id: 'o1',
    total: 12,
    currency: 'USD',
    products: [{ product_id: 'p1', name: 'Tea', quantity: 1, price: 12 }],
  },
  context: { traits: { email: 'a@b.example' } },
};
const PERSON = { type: 'identify', userId: 'u1', traits: { email: 'a@b.example', plan: 'pro' } };
const WEBHOOK = 'https://hook.example/in?a=b';

/** A webhook that sends whole events, one a request. */
function webhookSettings(mapping: JsonObject = {}): JsonObject {
  const complete = { url: WEBHOOK, data: { '@path': '$.' }, ...mapping };
  return {
    subscriptions: [{ partnerAction: 'send', subscribe: 'type = "track"', mapping: complete }],
  };
}

/** Slug, settings, event; then method, address, `Authorization`, and a part of the body. */
type Row = readonly [
  slug: string,
  settings: unknown,
  event: JsonObject,
  request: string,
  authorization: string | undefined,
  body: RegExp,
];

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const TABLE: readonly Row[] = [
  [
    'actions-webhook',
    webhookSettings(),
    ORDER,
    'POST https://hook.example/in?a=b',
    undefined,
    /"event":"Order Completed","userId":"u1"/,
  ],
  [
    'actions-slack',
    {
      subscriptions: [
        {
          partnerAction: 'postToChannel',
          subscribe: 'event = "Order Completed"',
          mapping: {
            url: 'https://hooks.slack.com/services/T/B/x',
            text: { '@template': '{{userId}} paid {{properties.total}}' },
          },
        },
      ],
    },
    ORDER,
    'POST https://hooks.slack.com/services/T/B/x',
    undefined,
    /"text":"u1 paid 12","username":"Segment"/,
  ],
  [
    'actions-amplitude',
    { apiKey: 'k', secretKey: 's', subscriptions: [{ partnerAction: 'logEvent' }] },
    ORDER,
    'POST https://api2.amplitude.com/2/httpapi',
    undefined,
    /^\{"api_key":"k","events":\[\{"user_id":"u1".*"event_type":"Order Completed"/,
  ],
  [
    'actions-mixpanel',
    { projectToken: 'p', apiSecret: 's' },
    ORDER,
    'POST https://api.mixpanel.com/import?strict=1',
    basic('s:'),
    /^\[\{"event":"Order Completed","properties":\{.*"distinct_id":"u1"/,
  ],
  [
    'actions-google-analytics-4',
    {
      apiSecret: 's',
      measurementId: 'G-1',
      subscriptions: [
        {
          partnerAction: 'purchase',
          subscribe: 'event = "Order Completed"',
          mapping: { client_id: { '@path': '$.userId' } },
        },
      ],
    },
    ORDER,
    'POST https://www.google-analytics.com/mp/collect?api_secret=s&measurement_id=G-1',
    undefined,
    /"client_id":"u1".*"name":"purchase".*"transaction_id":"o1"/,
  ],
  [
    'actions-hubspot-cloud',
    { oauth: { access_token: 't' }, subscriptions: [{ partnerAction: 'upsertContact' }] },
    PERSON,
    'PATCH https://api.hubapi.com/crm/v3/objects/contacts/a@b.example?idProperty=email',
    'Bearer t',
    /^\{"properties":\{"email":"a@b.example"\}\}$/,
  ],
  [
    'actions-braze-cloud',
    {
      api_key: 'k',
      app_id: 'a',
      endpoint: 'https://rest.iad-01.braze.com',
      subscriptions: [{ partnerAction: 'updateUserProfile' }],
    },
    PERSON,
    'POST https://rest.iad-01.braze.com/users/track',
    'Bearer k',
    /^\{"attributes":\[\{.*"external_id":"u1","email":"a@b.example"/,
  ],
  [
    'actions-customerio',
    { siteId: 'i', apiKey: 'k' },
    PERSON,
    'POST https://track.customer.io/api/v2/batch',
    basic('i:k'),
    /"type":"person","action":"identify".*"identifiers":\{"id":"u1"\}/,
  ],
  [
    'actions-klaviyo',
    { api_key: 'k', subscriptions: [{ partnerAction: 'upsertProfile' }] },
    PERSON,
    'POST https://a.klaviyo.com/api/profiles/',
    'Klaviyo-API-Key k',
    /"attributes":\{"email":"a@b.example"/,
  ],
  [
    'actions-intercom-cloud',
    { oauth: { access_token: 't' }, subscriptions: [{ partnerAction: 'trackEvent' }] },
    ORDER,
    'POST https://api.intercom.io/events',
    'Bearer t',
    /^\{"event_name":"Order Completed".*"user_id":"u1"/,
  ],
];

for (const [slug, settings, event, request, authorization, body] of TABLE) {
  test(`${slug} sends what its service expects`, async () => {
    const { open, service } = await start();
    const destination = await open(slug, settings);
    assert.equal(destination.accepts?.(eventOf(event)), null);
    assert.equal(destination.accepts?.(eventOf({ type: 'nothing' })), 'NO_MATCHING_SUBSCRIPTION');
    const [outcome] = await deliver(destination, [eventOf(event)]);
    assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome));
    assert.equal(service.requests.length, 1);
    const [sent] = service.requests;
    assert.equal(`${sent?.method} ${String(sent?.headers[MEANT_FOR])}${sent?.path}`, request);
    assert.equal(sent?.headers.authorization, authorization);
    assert.equal(sent?.headers['user-agent'], 'Segment (Actions)');
    assert.match(sent?.body ?? '', body);
  });
}

test('an answer means the same as for every other destination', async () => {
  const { open, service } = await start();
  const single = await open('actions-webhook', webhookSettings({ enable_batching: false }));
  const batch = await open('actions-webhook', webhookSettings({ enable_batching: true }));
  const table: readonly (readonly [status: number, expected: string])[] = [
    [200, 'delivered'],
    [503, 'retry destination HTTP_STATUS'],
    [500, 'retry destination HTTP_STATUS'],
    [501, 'dead HTTP_STATUS'],
    [429, 'retry destination RATE_LIMITED 7000'],
    [401, 'retry destination CREDENTIALS_REFUSED'],
    [403, 'retry destination CREDENTIALS_REFUSED'],
    [404, 'dead HTTP_STATUS'],
    [400, 'dead HTTP_STATUS'],
    [301, 'dead HTTP_STATUS'],
  ];
  for (const [status, expected] of table) {
    service.always({ status, headers: { 'Retry-After': '7', Location: '/else' }, body: 'why' });
    for (const destination of [single, batch]) {
      const [outcome] = await deliver(destination, [eventOf(ORDER)]);
      assert.ok(outcome);
      assert.ok(described(outcome).startsWith(expected), `${status}: ${JSON.stringify(outcome)}`);
      if (outcome.kind !== 'delivered') assert.equal(outcome.status, status);
    }
  }
  assert.ok(service.requests.every(({ path }) => path !== '/else'));
});

function described(outcome: DeliveryOutcome): string {
  if (outcome.kind === 'delivered') return outcome.kind;
  if (outcome.kind !== 'retry') return `${outcome.kind} ${outcome.reason}`;
  return `retry ${outcome.scope} ${outcome.reason} ${outcome.afterMs ?? ''}`.trim();
}

test('a service that hangs up or is silent is tried again', async () => {
  const { open, service } = await start();
  const destination = await open('actions-slack', TABLE[1]?.[1]);
  service.plan('reset');
  const [reset] = await deliver(destination, [eventOf(ORDER)]);
  assert.ok(reset && described(reset).startsWith('retry destination NETWORK'), String(reset));
  service.plan('hang');
  const abort = new AbortController();
  const hanging = deliver(destination, [eventOf(ORDER), eventOf(ORDER)], abort.signal);
  while (service.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  const [late, later] = await hanging;
  assert.ok(late && described(late).startsWith('retry destination TIMEOUT'), JSON.stringify(late));
  assert.equal(later?.kind, 'retry');
  assert.equal(service.requests.length, 2);
});

test('nothing is sent any more when the time is over', async () => {
  const { open, service } = await start();
  const destination = await open('actions-slack', TABLE[1]?.[1]);
  const events = [eventOf(ORDER), eventOf({ ...ORDER, userId: 'u2' })];
  const outcomes = await deliver(destination, events, AbortSignal.abort());
  assert.deepEqual(outcomes.map(described), ['retry event TIMEOUT', 'retry event TIMEOUT']);
  assert.equal(service.requests.length, 0);
});

test('an address that an event names goes through the guard', async () => {
  const { open, service } = await start();
  const url = { '@path': '$.properties.url' };
  const destination = await open(
    'actions-webhook',
    webhookSettings({ url, enable_batching: false }),
  );
  for (const address of ['http://10.0.0.1/', 'http://169.254.169.254/latest/', 'http://[::1]/']) {
    const [outcome] = await deliver(destination, [
      eventOf({ ...ORDER, properties: { url: address } }),
    ]);
    assert.ok(outcome);
    assert.match(described(outcome), /ADDRESS_REFUSED/, address);
  }
  assert.equal(service.requests.length, 0);
});

test('an event that cannot be mapped is dead, and the others of its batch arrive', async () => {
  const { open, service } = await start();
  const destination = await open('actions-klaviyo', {
    api_key: 'k',
    subscriptions: [{ partnerAction: 'upsertProfile', mapping: { enable_batching: true } }],
  });
  const good = eventOf(PERSON);
  const bad = eventOf({ type: 'identify', userId: 'u2', traits: { email: 'not an address' } });
  const [first, second] = await deliver(destination, [good, bad]);
  assert.equal(first?.kind, 'delivered');
  assert.ok(second && described(second) === 'dead PAYLOAD_INVALID', JSON.stringify(second));
  assert.match(second.kind === 'dead' ? second.message : '', /^Upsert Profile: .*email/i);
  assert.deepEqual(
    service.requests.map(({ path }) => path),
    ['/api/profile-bulk-import-jobs/'],
  );
});

test('events share a request where the action can, and only with the same batch keys', async () => {
  const { open, service } = await start();
  const url = { '@path': '$.properties.url' };
  const destination = await open(
    'actions-webhook',
    webhookSettings({ url, enable_batching: true }),
  );
  const events = ['a', 'b', 'a', 'a'].map((name, at) =>
    eventOf({ ...ORDER, userId: `u${at}`, properties: { url: `https://${name}.example/` } }),
  );
  const outcomes = await deliver(destination, events);
  assert.ok(outcomes.every(({ kind }) => kind === 'delivered'));
  const sent = service.requests.map(({ headers, body }) => [
    headers[MEANT_FOR],
    (JSON.parse(body) as JsonObject[]).map(({ userId }) => userId),
  ]);
  assert.deepEqual(sent.sort(), [
    ['https://a.example', ['u0', 'u2', 'u3']],
    ['https://b.example', ['u1']],
  ]);
});

test('a batch that is refused is tried event by event', async () => {
  const { open, service } = await start();
  const destination = await open('actions-webhook', webhookSettings({ enable_batching: true }));
  service.answerWith(({ body }) => ({ status: body.includes('poison') ? 400 : 200 }));
  const events = ['u1', 'poison', 'u3'].map((userId) => eventOf({ ...ORDER, userId }));
  const outcomes = await deliver(destination, events);
  assert.deepEqual(outcomes.map(described), ['delivered', 'dead HTTP_STATUS', 'delivered']);
  assert.equal(service.requests.length, 4);
});

test('what is done is not done again: the next attempt runs the actions that failed', async () => {
  const { open, service } = await start();
  const slack = (text: string) => ({
    name: text,
    partnerAction: 'postToChannel',
    subscribe: 'type = "track"',
    mapping: { url: 'https://hooks.slack.com/x', text },
  });
  const destination = await open('actions-slack', { subscriptions: ['a', 'b', 'c'].map(slack) });
  const texts = () =>
    service.requests.splice(0).map(({ body }) => (JSON.parse(body) as JsonObject)['text']);
  service.answerWith(({ body }) => ({
    status: body.includes('"b"') ? 503 : body.includes('"c"') ? 404 : 200,
  }));
  const [first] = await deliver(destination, [eventOf(ORDER)]);
  assert.ok(first?.kind === 'retry' && first.progress);
  assert.deepEqual(texts(), ['a', 'b', 'c']);
  service.answerWith(() => ({ status: 200 }));
  const again = eventOf(ORDER, { attempts: 1, progress: first.progress });
  const [second] = await deliver(destination, [again]);
  assert.deepEqual(texts(), ['b']);
  assert.ok(second?.kind === 'dead', JSON.stringify(second));
  assert.match(second.message, /^c: the service answered 404/);
});

test('events of a user are sent in order, and none after one that failed', async () => {
  const { open, service } = await start();
  const destination = await open('actions-webhook', webhookSettings({ enable_batching: false }));
  const events = ['u1 1', 'u2 1', 'u1 2', 'u1 3', 'u2 2'].map((text) =>
    eventOf({ ...ORDER, event: text, userId: text.slice(0, 2) }),
  );
  service.answerWith(({ body }) => ({ status: body.includes('u1 2') ? 503 : 200 }));
  const outcomes = await deliver(destination, events);
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['delivered', 'delivered', 'retry', 'retry', 'delivered'],
  );
  const sent = service.requests.map(({ body }) =>
    String((JSON.parse(body) as JsonObject)['event']),
  );
  assert.deepEqual(
    sent.filter((text) => text.startsWith('u1')),
    ['u1 1', 'u1 2'],
  );
  assert.deepEqual(
    sent.filter((text) => text.startsWith('u2')),
    ['u2 1', 'u2 2'],
  );
});

test('a token that is refused is renewed once, and the new one is kept', async () => {
  const { open, service } = await start();
  service.answerWith(({ path, headers }) => {
    if (path.startsWith('/oauth/')) {
      const body = '{"access_token":"new"}';
      return { status: 200, headers: { 'Content-Type': 'application/json' }, body };
    }
    return { status: headers.authorization === 'Bearer new' ? 200 : 401 };
  });
  const oauth = { access_token: 'old', refresh_token: 'r', clientId: 'i', clientSecret: 's' };
  const subscriptions = [{ partnerAction: 'upsertContact' }];
  const destination = await open('actions-hubspot-cloud', { oauth, subscriptions });
  const send = async () => (await deliver(destination, [eventOf(PERSON)]))[0]?.kind;
  assert.equal(await send(), 'delivered');
  const renewal = service.requests.find(({ path }) => path.startsWith('/oauth/'))?.body;
  assert.equal(renewal, 'refresh_token=r&client_id=i&client_secret=s&grant_type=refresh_token');
  service.requests.length = 0;
  assert.equal(await send(), 'delivered');
  assert.equal(service.requests.length, 1);
});

test('settings are proved by a harmless call, and users are forgotten', async () => {
  const { open, service } = await start();
  const destination = await open('actions-amplitude', { apiKey: 'k', secretKey: 's' });
  const { signal } = new AbortController();
  await destination.test?.(signal);
  assert.equal(service.requests[0]?.headers.authorization, basic('k:s'));
  service.plan({ status: 401 });
  await assert.rejects(
    async () => destination.test?.(signal),
    (error) => error instanceof MillraceError && error.code === 'DESTINATION_TEST_FAILED',
  );
  service.requests.length = 0;
  await destination.deleteUsers?.(['u1', 'u2'], signal);
  assert.deepEqual(
    service.requests.map(({ path, body }) => [path, body]),
    [
      ['/api/2/deletions/users', '{"user_ids":["u1"],"requester":"segment"}'],
      ['/api/2/deletions/users', '{"user_ids":["u2"],"requester":"segment"}'],
    ],
  );
  service.plan({ status: 503 });
  await assert.rejects(
    async () => destination.deleteUsers?.(['u1'], signal),
    (error) => error instanceof MillraceError && error.code === 'UNAVAILABLE',
  );
  const slack = await open('actions-slack', TABLE[1]?.[1]);
  assert.equal(slack.test, undefined);
  assert.equal(slack.deleteUsers, undefined);
});
