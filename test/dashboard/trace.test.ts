/** The path of an event in a browser: found, explained, and inert whatever it is called. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const HOSTILE = `"><img src=x onerror="alert(1)">`;

describe('the trace of an event in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let service: FakeService;
  let dashboard: Dashboard;
  before(async () => {
    browser = await startDashboardBrowser();
    service = await startFakeService();
    const settings = { url: `${service.url}/hook` };
    server = await startTestServer({
      config: {
        net: { allow: ['127.0.0.1'] },
        deliver: { retryDelayMsMin: 1, retryDelayMsMax: 20 },
        destinations: [
          { name: 'Hook', slug: 'hook', type: 'webhook', settings },
          { name: 'Ads', slug: 'ads', type: 'webhook', settings, consentCategories: ['ads'] },
        ],
      },
    });
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await service.close();
  });

  const stored = (messageId: string) =>
    server.sqlUntil(
      `select 1 from events where message_id = '${messageId}'`,
      ({ length }) => length === 1,
    );

  test('one that nobody knows is looked for until it comes', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/trace');
    await page.getByText('Paste the messageId').waitFor();
    await page.getByLabel('messageId').fill('late-1');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/app\/trace\/late-1$/);
    await page.getByText('No event with this messageId').waitFor();
    await assertAccessible('a trace of nothing');
    await server.post('/v1/track', { userId: 'u1', event: 'Late', messageId: 'late-1' });
    await page.getByRole('img', { name: /Received from test/ }).waitFor();
    assertClean();
  });

  test('what was repaired is said in sentences, to the last digit', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    const event = '{"userId":675127116845989888,"event":"E","messageId":"mended","properties":[]}';
    assert.equal((await server.post('/v1/track', event)).status, 200);
    await stored('mended');
    await open('/trace/mended');
    await page.getByRole('heading', { name: 'Repaired' }).waitFor();
    await page.getByText('sent as the number 675127116845989888').waitFor();
    await page.getByText('The properties came as an empty list').waitFor();
    await assertAccessible('a trace with repairs');
    assertClean();
  });

  test('each rule and each attempt has its place, time, status and outcome', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    service.plan({ status: 503 });
    const context = { consent: { categoryPreferences: { ads: false } } };
    const event = { userId: HOSTILE, event: HOSTILE, messageId: 'id/with ?#%', context };
    assert.equal((await server.post('/v1/track', event)).status, 200);
    await stored('id/with ?#%');
    await open(`/trace/${encodeURIComponent('id/with ?#%')}`);
    const picture = page.getByRole('img', { name: /hook: Delivered; ads: Filtered|ads: Filtered/ });
    await picture.waitFor();
    for (const text of ['Received', 'Accepted', 'In the lake', '2 attempts', 'consent']) {
      await picture.getByText(text).first().waitFor();
    }
    const attempts = page.getByRole('region', { name: 'Attempts of hook' });
    const rows = await attempts.locator('tbody tr').allTextContents();
    assert.equal(rows.length, 2);
    assert.match(rows[0] ?? '', /\d\d:\d\d.*retry.*503.*HTTP_STATUS/);
    assert.match(rows[1] ?? '', /delivered.*200/);
    await page.getByRole('listitem').filter({ hasText: 'FILTERED_BY_END_USER_CONSENT' }).waitFor();
    await page.getByRole('heading', { name: HOSTILE }).waitFor();
    await assertAccessible('a trace');
    assertClean();
  });

  test('a rejected event says why it went nowhere', async () => {
    const { page, open, assertClean } = dashboard;
    const batch = [
      { type: 'track', userId: 'u1', event: 'Good', messageId: 'good-1' },
      { type: 'track', userId: 'u1', messageId: 'bad-1' },
    ];
    await server.post('/v1/batch', { batch });
    await server.sqlUntil(
      `select 1 from rejected where message_id = 'bad-1'`,
      ({ length }) => length === 1,
    );
    await open('/trace/bad-1');
    await page.getByRole('img', { name: /and rejected: / }).waitFor();
    await page.getByText('rejected', { exact: true }).waitFor();
    assertClean();
  });
});
