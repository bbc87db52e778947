/** Volume and alerts in a browser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

describe('usage in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let channel: FakeService;
  let dashboard: Dashboard;
  before(async () => {
    // Builds what the server will read.
    browser = await startDashboardBrowser();
    channel = await startFakeService();
    server = await startTestServer({
      config: { net: { allow: ['127.0.0.1'] }, alerts: { everySeconds: 1 } },
    });
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await channel.close();
  });

  test('what came and what was refused is counted by source', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    for (let n = 0; n < 7; n++) await server.post('/v1/track', { userId: 'u', event: 'Seen' });
    await server.post('/v1/track', { userId: 'u' });
    await server.post('/v1/track', {}, { Authorization: 'Basic eDo=' });
    await open('/usage');
    await page.locator('.figures div').filter({ hasText: 'Events' }).getByText('8').waitFor();
    await page.locator('.figures div').filter({ hasText: 'Unknown keys' }).getByText('1').waitFor();
    await page.getByRole('region', { name: 'Rejected events by reason' }).waitFor();
    const seen = page.getByRole('region', { name: 'Events by name' }).getByRole('row');
    await seen.filter({ hasText: 'Seen' }).getByText('7', { exact: true }).waitFor();
    const keys = page.getByRole('region', { name: 'Events by write key' }).getByRole('row');
    await keys.filter({ hasText: 'active' }).getByText('8', { exact: true }).waitFor();
    await assertAccessible('volume');
    await page.getByLabel('Range').selectOption('7 days');
    await page.waitForURL(/range=7/);
    assertClean();
  });

  test('a suggestion becomes a rule that is tested, fires and is deleted', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/usage/alerts');
    await page.getByText('Nobody is told anything yet').waitFor();
    await page.getByRole('button', { name: 'Take Low disk' }).click();
    await page.getByLabel('freeBytes').fill('1000000000000000');
    await page.getByLabel('For minutes').fill('0');
    await page.getByLabel('Tell also by').selectOption('slack');
    await page.getByLabel('URL of slack').fill(`${channel.url}/secret-of-slack`);
    await assertAccessible('the form of a rule');
    await page.getByRole('button', { name: 'Save the rule' }).click();
    const rules = page.getByRole('region', { name: 'Alert rules' });
    await rules.getByText('firing').waitFor();
    await page.getByRole('region', { name: 'What was told' }).getByText('began').waitFor();
    assert.match(channel.taken[0]?.body ?? '', /ALERT Low disk/);
    assert.ok(!(await page.content()).includes('secret-of-slack'));
    await rules.getByRole('button', { name: 'Test Low disk' }).click();
    await page.getByText('Told', { exact: true }).waitFor();
    await assertAccessible('alerts');
    await rules.getByRole('button', { name: 'Change Low disk' }).waitFor();
    const asked = page.waitForEvent('dialog');
    await rules.getByRole('button', { name: 'Delete Low disk' }).click();
    assert.match((await asked).message(), /^Delete the rule “Low disk”\?/);
    await page.getByText('Nobody is told anything yet').waitFor();
    assertClean();
  });
});
