/** Every link of the dashboard leads to a page that is there. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { DashboardBrowser } from '../support/dashboard-browser.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const PAGES_MAX = 120;

describe('links of the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let service: FakeService;
  before(async () => {
    browser = await startDashboardBrowser();
    service = await startFakeService();
    service.always({ status: 404 });
    server = await startTestServer({
      config: {
        net: { allow: ['127.0.0.1'] },
        destinations: [
          { name: 'Hook', slug: 'hook', type: 'webhook', settings: { url: service.url } },
        ],
      },
    });
    const event = { userId: 'ada', anonymousId: 'a1', event: 'Seen / Clicked?', messageId: 'm/1' };
    await server.post('/v1/track', event);
    await server.post('/v1/identify', { userId: 'ada', traits: { email: 'ada@example.com' } });
    await server.post('/v1/track', { userId: 'ada' });
    await until('it is dead', () => service.requests.length >= 2);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await service.close();
  });

  test('lead to pages that are there', async () => {
    const { page, open, assertClean } = await browser.newDashboard(server);
    await open('/live');
    await page.getByText('connected', { exact: true }).waitFor();
    await server.post('/v1/track', { userId: 'ada', event: 'Live', messageId: 'live 1' });
    await page.getByRole('list', { name: 'Events' }).getByRole('button').first().click();
    await page.getByRole('region', { name: 'The chosen event' }).waitFor();
    const linksOf = (): Promise<string[]> =>
      page
        .locator('a[href^="/app"]')
        .evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''));
    const seen = new Set(await linksOf());
    assert.ok(
      [...seen].some((href) => href.includes('/users?')),
      'an event leads to its person',
    );
    // A trace and a person lead on to others.
    const starts = ['/app/users?q=ada', '/app/trace/m%2F1', '/app/schema', '/app/usage/alerts'];
    for (const start of starts) seen.add(start);
    for (const href of seen) {
      assert.ok(seen.size <= PAGES_MAX, `too many pages: ${[...seen].slice(-5).join(' ')}`);
      // Each type of the catalogue has the same page.
      if (/\/destinations\/new\/(?!webhook)/.test(href)) continue;
      await page.goto(server.adminUrl + href);
      await page.locator('main h1').waitFor();
      await page.locator('main .loading').first().waitFor({ state: 'detached' });
      const title = await page.locator('main h1').first().textContent();
      assert.notEqual(title, 'There is no such page', href);
      for (const next of await linksOf()) {
        if (!/\/destinations\/new\/(?!webhook)/.test(next)) seen.add(next);
      }
    }
    assert.ok(seen.size > 25, [...seen].join(' '));
    assertClean();
  });
});
