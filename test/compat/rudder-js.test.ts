/**
 * RudderStack's browser SDK in a real browser, with Millrace as its control plane and data plane:
 * no other host is asked for anything.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFaultFront } from '../support/fault-front.ts';
import { bundledPage, sdkPageSkip, startSdkSite } from '../support/sdk-page.ts';
import type { SdkSite, Visit } from '../support/sdk-page.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { Row, TestServer } from '../support/test-server.ts';

interface RudderAnalytics {
  load(writeKey: string, dataPlaneUrl: string, options: object): void;
  ready(callback: () => void): void;
  page(...args: unknown[]): void;
  track(...args: unknown[]): void;
  identify(...args: unknown[]): void;
  group(...args: unknown[]): void;
  alias(...args: unknown[]): void;
  reset(): void;
}
declare const window: { analytics: RudderAnalytics };

describe('@rudderstack/analytics-js in Chromium', { skip: sdkPageSkip }, () => {
  let server: TestServer;
  let site: SdkSite;

  before(async () => {
    server = await startTestServer();
    site = await startSdkSite(await bundledPage('rudder-page.js'));
  });
  after(async () => {
    await site?.close();
    await server?.stop();
  });

  const visit = async (url: string, options: object = {}, key = WRITE_KEY): Promise<Visit> => {
    const opened = await site.visit();
    await opened.page.evaluate(
      ([writeKey, dataPlaneUrl, more]) =>
        window.analytics.load(writeKey, dataPlaneUrl, { configUrl: dataPlaneUrl, ...more }),
      [key, url, options] as const,
    );
    return opened;
  };
  const untilReady = ({ page }: Visit): Promise<void> =>
    page.evaluate(() => new Promise<void>((resolve) => window.analytics.ready(() => resolve())));
  const onlyHost = ({ hosts }: Visit, url: string): void =>
    assert.deepEqual([...hosts], [new URL(url).host]);

  test('a visitor before identify, then all six calls: each arrives with what it carries', async () => {
    const opened = await visit(server.url);
    await untilReady(opened);
    await opened.page.evaluate(() => {
      const { analytics } = window;
      analytics.page('Home', { early: true });
      analytics.track('Product Viewed', { price: 9.5 });
      analytics.identify('u1', { plan: 'pro' });
      analytics.track('Order Completed', { total: 9.5 });
      analytics.group('g1', { name: 'Acme' });
      analytics.alias('u2', 'u1');
    });
    const rows = await server.sqlUntil(
      `select * from events order by original_timestamp`,
      (all) => all.length === 6,
    );
    onlyHost(opened, server.url);
    await opened.page.close();
    const named = (name: string): Row => {
      const row = rows.find((each) => each['event'] === name || each['type'] === name);
      assert.ok(row, name);
      return row;
    };
    const json = (name: string, column: string): Row =>
      JSON.parse(String(named(name)[column])) as Row;
    assert.equal(named('page')['name'], 'Home');
    assert.equal(named('Product Viewed')['user_id'], null, 'nobody is known yet');
    assert.equal(json('Product Viewed', 'properties')['price'], 9.5);
    assert.deepEqual(json('identify', 'traits'), { plan: 'pro' });
    assert.equal(named('Order Completed')['user_id'], 'u1');
    assert.equal(named('group')['group_id'], 'g1');
    assert.equal(json('group', 'traits')['name'], 'Acme');
    assert.equal(named('alias')['previous_id'], 'u1');
    assert.equal(named('alias')['user_id'], 'u2');
    const visitors = new Set(rows.map((row) => row['anonymous_id']));
    assert.equal(visitors.size, 1, 'one anonymous id links them all');
    assert.ok(String([...visitors][0]).length > 10);
  });

  test('useBeacon: what is queued leaves by the beacon route', async () => {
    const opened = await visit(server.url, {
      useBeacon: true,
      beaconQueueOptions: { maxItems: 2, flushQueueInterval: 600_000 },
    });
    const paths: string[] = [];
    opened.page.on('request', (request) => paths.push(new URL(request.url()).pathname));
    await untilReady(opened);
    await opened.page.evaluate(() => {
      window.analytics.track('Beacon', { n: 1 });
      window.analytics.track('Beacon', { n: 2 });
    });
    const rows = await server.sqlUntil(
      `select channel, anonymous_id from events where event = 'Beacon'`,
      (all) => all.length === 2,
    );
    assert.ok(paths.includes('/beacon/v1/batch'), paths.join());
    assert.ok(rows.every((row) => row['anonymous_id'] !== null));
    onlyHost(opened, server.url);
    await opened.page.close();
  });

  test('503 and a lost answer: retried, nothing lost, nothing doubled', async () => {
    const front = await startFaultFront(server.url, ['503', 'lost-answer']);
    try {
      const opened = await visit(front.url);
      await untilReady(opened);
      await opened.page.evaluate(() => {
        for (let n = 0; n < 5; n++) window.analytics.track('Faulty', { n });
      });
      const query =
        `select count(*)::int as n, count(distinct properties->>'n')::int as d ` +
        `from events where event = 'Faulty'`;
      await server.sqlUntil(query, ([row]) => row?.['d'] === 5 && front.left() === 0);
      await opened.page.close();
      assert.deepEqual(await server.sql(query), [{ n: 5, d: 5 }]);
    } finally {
      await front.close();
    }
  });

  test('an unknown key: the page goes on, and nothing is sent', async () => {
    const opened = await site.visit();
    const paths: string[] = [];
    opened.page.on('request', (request) => paths.push(new URL(request.url()).pathname));
    const refused = opened.page.waitForResponse((response) =>
      response.url().includes('/sourceConfig/'),
    );
    await opened.page.evaluate((url) => {
      window.analytics.load('unknownKey0123456789', url, { configUrl: url });
      window.analytics.track('Unheard');
    }, server.url);
    const response = await refused;
    assert.equal(response.status(), 401);
    assert.match(
      await response.text(),
      /invalid write key/i,
      'the words their mobile SDKs look for',
    );
    assert.equal(await opened.page.evaluate('document.body.innerText'), 'shop');
    await opened.page.close();
    assert.deepEqual(new Set(paths), new Set(['/sourceConfig/']));
  });

  test('the source configuration is given for a key in the header or query, to HEAD too', async () => {
    const ask = (path: string, options: RequestInit = {}): Promise<Response> =>
      fetch(server.url + path, options);
    const headers = { Authorization: basicAuth(WRITE_KEY) };
    for (const response of [
      await ask('/sourceConfig', { headers }),
      await ask('/sourceConfig/', { headers }),
      await ask(`/sourceConfig/?p=npm&v=3&writeKey=${WRITE_KEY}`),
    ]) {
      assert.equal(response.status, 200);
      const { source } = (await response.json()) as { source: Row };
      assert.equal(source['enabled'], true);
      assert.deepEqual(source['destinations'], []);
    }
    // Their test for ad blockers.
    const head = await ask('/sourceConfig/?view=ad', { method: 'HEAD', headers });
    assert.equal(head.status, 200);
    assert.equal((await ask('/sourceConfig/')).status, 401);
    const other = await ask('/sourceConfig/?writeKey=unknownKey0123456789', { headers });
    assert.equal(other.status, 401, 'header and query must agree');
  });

  test('merge is refused with what to send instead', async () => {
    const merge = { type: 'merge', mergeProperties: [{ type: 'email', value: 'a@example.com' }] };
    const response = await server.post('/v1/merge', merge);
    assert.equal(response.status, 400);
    const body = (await response.json()) as { code: string; message: string };
    assert.equal(body.code, 'merge_not_supported');
    assert.match(body.message, /alias/);
  });
});
