/** What is tracked, in a browser: found, judged, described and taken away. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { Analytics } from '@segment/analytics-node';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { WRITE_KEY, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const HOSTILE = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;

describe('the schema in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    browser = await startDashboardBrowser();
    server = await startTestServer();
    const analytics = new Analytics({ writeKey: WRITE_KEY, host: server.url });
    const track = (event: string, properties: object) =>
      analytics.track({ userId: 'u', event, properties });
    track('Order Completed', { total: 10, currency: 'EUR' });
    track('Order Completed', { total: '11', currency: 'EUR' });
    track('order_completed', { total: 1 });
    track(HOSTILE, { [HOSTILE]: HOSTILE });
    await analytics.closeAndFlush();
    await server.sqlUntil('select 1 from events', ({ length }) => length === 4);
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('an event is found, what is odd about it is explained, and its address can be sent', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/schema');
    const events = page.getByRole('region', { name: 'Events' });
    await events.getByRole('link', { name: HOSTILE }).waitFor();
    await assertAccessible('the list of events');
    await page.getByLabel('Search').fill('completed');
    await events.getByRole('link', { name: HOSTILE }).waitFor({ state: 'detached' });
    await events.getByRole('link', { name: 'Order Completed' }).click();
    await page.getByRole('heading', { name: 'Order Completed' }).waitFor();
    await page.getByText('Differs only in case or spacing from “order_completed”').waitFor();
    const total = page.getByRole('row').filter({ hasText: 'total' });
    await total.getByText('Comes as number and string').waitFor();
    await total.getByText('Send one type').waitFor();
    await assertAccessible('an event');
    await page.reload();
    await page.getByRole('heading', { name: 'Order Completed' }).waitFor();
    assertClean();
  });

  test('people write what an event and a property are, and take it away as a page', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/schema?source=test&event=track%2FOrder+Completed');
    await page.getByRole('button', { name: 'Describe the event' }).click();
    await page.getByLabel('Description of the event').fill('A paid <b>order</b>.');
    await page.getByRole('button', { name: 'Save description' }).click();
    await page.getByText('A paid <b>order</b>.').waitFor();
    await page.getByRole('button', { name: 'Describe currency' }).click();
    await page.getByLabel('Description of currency').fill('ISO 4217');
    await page.getByRole('button', { name: 'Save description' }).click();
    await page.getByText('ISO 4217').waitFor();
    await page.getByRole('link', { name: 'All events' }).click();
    await page.getByText('A paid <b>order</b>.').waitFor();
    const downloading = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export Markdown' }).click();
    const text = await readFile(await (await downloading).path(), 'utf8');
    assert.match(text, /A paid \\<b\\>order/);
    assert.match(text, /\| currency \| string \| ISO 4217 \|/);
    assertClean();
  });

  test('names that mean harm are text', async () => {
    const { page, open, assertClean } = dashboard;
    await open(`/schema?source=test&event=${encodeURIComponent(`track/${HOSTILE}`)}`);
    await page.getByRole('heading', { name: HOSTILE }).waitFor();
    await page.getByRole('rowheader', { name: HOSTILE }).waitFor();
    assert.equal(await page.locator('main img, main script').count(), 0);
    assertClean();
  });

  test('what does not look inconsistent can be left out, and an unknown event is said', async () => {
    const { page, open } = dashboard;
    await open('/schema');
    await page.getByLabel('Only what looks inconsistent').check();
    const events = page.getByRole('region', { name: 'Events' });
    await events.getByRole('link', { name: 'order_completed' }).waitFor();
    assert.equal(await events.getByRole('link', { name: HOSTILE }).count(), 0);
    await open('/schema?source=test&event=track%2FNope');
    await page.getByText('was not seen in this time').waitFor();
  });
});
