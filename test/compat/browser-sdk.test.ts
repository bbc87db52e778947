/**
 * The browser SDK in a real browser, loaded by the snippet from Millrace itself: no other host is
 * asked for anything.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { toolchain } from '../../scripts/toolchains.ts';
import { startFaultFront } from '../support/fault-front.ts';
import { startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const found = await toolchain('chromium');
const skip = found.ok ? false : found.reason;
const MANY = 1_000;

interface Analytics {
  load(key: string, settings?: unknown, options?: unknown): void;
  page(...args: unknown[]): Promise<unknown>;
  track(...args: unknown[]): Promise<unknown>;
  identify(...args: unknown[]): Promise<unknown>;
  group(...args: unknown[]): Promise<unknown>;
  alias(...args: unknown[]): Promise<unknown>;
  screen(...args: unknown[]): Promise<unknown>;
  ready(callback: () => void): void;
}
declare const window: { analytics: Analytics };

/** The page of a customer: a queue for early calls, and the loader of the SDK. */
function pageText(cdn: string, key: string, options: unknown): string {
  return `<!doctype html><html><head><title>Shop</title><script>
    const analytics = (window.analytics = []);
    analytics.methods = ['page', 'track', 'identify', 'group', 'alias', 'screen', 'ready'];
    analytics.factory = (name) => (...args) => {
      analytics.push([name, ...args]);
      return analytics;
    };
    for (const name of analytics.methods) analytics[name] = analytics.factory(name);
    analytics._writeKey = ${JSON.stringify(key)};
    analytics._cdn = ${JSON.stringify(cdn)};
    analytics._loadOptions = ${JSON.stringify(options)};
    analytics.SNIPPET_VERSION = '5.2.0';
    const script = document.createElement('script');
    script.async = true;
    script.setAttribute('data-global-segment-analytics-key', 'analytics');
    script.src = ${JSON.stringify(`${cdn}/analytics.js/v1/${key}/analytics.min.js`)};
    document.head.append(script);
    analytics.page('Home', { early: true });
  </script></head><body>shop</body></html>`;
}

describe('@segment/analytics-next in Chromium', { skip }, () => {
  let server: TestServer;
  let browser: Browser;
  let site: Server;
  let siteUrl = '';
  let html = '';

  before(async () => {
    assert.ok(found.ok);
    server = await startTestServer();
    browser = await chromium.launch({
      executablePath: found.chromium,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
    site = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(html);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', () => resolve()));
    siteUrl = `http://localhost:${(site.address() as AddressInfo).port}/`;
  });
  after(async () => {
    await browser.close();
    site.close();
    await server.stop();
  });

  const visit = async (
    url: string,
    key = WRITE_KEY,
    options: unknown = {},
  ): Promise<{ page: Page; hosts: Set<string> }> => {
    html = pageText(url, key, options);
    const page = await browser.newPage();
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(siteUrl);
    return { page, hosts };
  };
  const untilReady = (page: Page) =>
    page.evaluate(() => new Promise<void>((resolve) => window.analytics.ready(() => resolve())));
  const sendMany = (page: Page, event: string, count: number) =>
    page.evaluate(
      async ([name, most]) => {
        for (let n = 0; n < most; n++) await window.analytics.track(name, { n });
      },
      [event, count] as const,
    );
  const countOf = (event: string) =>
    `select count(*)::int as n, count(distinct properties->>'n')::int as d ` +
    `from events where event = '${event}'`;

  test('the snippet served by Millrace loads the SDK, and all six calls arrive', async () => {
    const { page, hosts } = await visit(server.url);
    await untilReady(page);
    // The SDK fills in the user of a buffered call when it leaves, which may be after ready.
    await server.sqlUntil(`select 1 from events where type = 'page'`, (all) => all.length === 1);
    await page.evaluate(async () => {
      const { analytics } = window;
      await analytics.identify('u1', { plan: 'pro' });
      await analytics.track('Order Completed', { total: 9.5 });
      await analytics.screen('Start');
      await analytics.group('g1', { name: 'Acme' });
      await analytics.alias('u1', 'a1');
    });
    const rows = await server.sqlUntil(
      `select * from events where context->'library'->>'name' = 'analytics.js'`,
      (all) => all.length === 6,
    );
    await page.close();
    const row = (type: string) => rows.find((candidate) => candidate['type'] === type) ?? {};
    assert.equal(row('page')['name'], 'Home');
    assert.equal(row('page')['user_id'], null, 'before identify nobody is known');
    assert.equal(row('identify')['traits'], '{"plan":"pro"}');
    assert.equal(row('track')['user_id'], 'u1');
    assert.equal(row('track')['channel'], 'client');
    assert.equal(row('group')['group_id'], 'g1');
    assert.equal(row('alias')['previous_id'], 'a1');
    const context = JSON.parse(String(row('track')['context'])) as { ip: string };
    assert.equal(context.ip, '127.0.0.1', 'the address is filled in for browsers');
    const anonymous = new Set(rows.map((each) => each['anonymous_id']));
    assert.equal(anonymous.size, 1, 'one anonymous id links them all');
    assert.deepEqual([...hosts].sort(), [new URL(server.url).host, new URL(siteUrl).host].sort());
  });

  test('1,000 single events arrive, each once', async () => {
    const { page } = await visit(server.url);
    await untilReady(page);
    await sendMany(page, 'Single', MANY);
    await server.sqlUntil(countOf('Single'), ([row]) => row?.['d'] === MANY);
    await page.close();
    assert.deepEqual(await server.sql(countOf('Single')), [{ n: MANY, d: MANY }]);
  });

  test('1,000 events in batches arrive, each once', async () => {
    const { page } = await visit(server.url, WRITE_KEY, {
      integrations: {
        'Segment.io': {
          deliveryStrategy: { strategy: 'batching', config: { size: 10, timeout: 300 } },
        },
      },
    });
    await untilReady(page);
    const paths: string[] = [];
    page.on('request', (request) => paths.push(new URL(request.url()).pathname));
    await sendMany(page, 'Batched', MANY);
    await server.sqlUntil(countOf('Batched'), ([row]) => row?.['d'] === MANY);
    await page.close();
    assert.ok(paths.includes('/v1/b'), 'they went as batches');
    assert.deepEqual(await server.sql(countOf('Batched')), [{ n: MANY, d: MANY }]);
  });

  test('503, 429 and a lost answer: retried, nothing lost, nothing doubled', async () => {
    const front = await startFaultFront(server.url, ['503', 'lost-answer', '429']);
    try {
      const { page } = await visit(front.url, WRITE_KEY, {
        integrations: {
          'Segment.io': { apiHost: `${new URL(front.url).host}/v1`, protocol: 'http' },
        },
      });
      await untilReady(page);
      await page.evaluate(() => {
        for (let n = 0; n < 20; n++) void window.analytics.track('Faulty', { n });
      });
      await server.sqlUntil(countOf('Faulty'), ([row]) => row?.['d'] === 20);
      await page.close();
      assert.equal(front.left(), 0);
      assert.deepEqual(await server.sql(countOf('Faulty')), [{ n: 20, d: 20 }]);
    } finally {
      await front.close();
    }
  });

  test('400: a refused event is dropped, and what follows arrives', async () => {
    const { page } = await visit(server.url);
    await untilReady(page);
    await page.evaluate(async () => {
      await window.analytics.track('Too Large', { text: 'x'.repeat(40_000) });
      await window.analytics.track('After Large');
    });
    await server.sqlUntil(
      `select 1 from events where event = 'After Large'`,
      (rows) => rows.length === 1,
    );
    const refused = await server.sqlUntil(
      `select code from rejected where event_type = 'track'`,
      (rows) => rows.length > 0,
    );
    await page.close();
    assert.deepEqual(refused, [{ code: 'event_too_large' }]);
  });

  test('401: with an unknown key the page goes on, and nothing is stored', async () => {
    const { page } = await visit(server.url, 'unknownKey0123456789');
    await page.waitForTimeout(1_000);
    assert.equal(await page.textContent('body'), 'shop');
    await page.close();
    const rows = await server.sql(`select 1 from events where event = 'Unknown'`);
    assert.deepEqual(rows, []);
  });
});
