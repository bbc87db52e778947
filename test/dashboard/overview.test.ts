/** The overview, and what all views share: keyboard, theme, links, and texts that mean harm. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { askAdmin, signedIn } from '../support/admin-people.ts';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { DashboardBrowser } from '../support/dashboard-browser.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const HOSTILE = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;

describe('the overview', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  before(async () => {
    server = await startTestServer({ config: { admin: { signIns: { perAddress: 10_000 } } } });
    browser = await startDashboardBrowser();
  });
  afterEach(() => browser.closeDashboards());
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('an empty server says what to do first', async () => {
    const { page, open, assertClean, assertAccessible } = await browser.newDashboard(server);
    await open('/');
    await page.getByRole('link', { name: 'Test has never sent anything' }).waitFor();
    await page.getByText('They appear here once something is sent').waitFor();
    await page.getByText('No destination is connected').waitFor();
    await assertAccessible('an empty overview');
    assertClean();
  });

  test('events are drawn, and a recount accounts for each', async () => {
    const { page, open, assertClean, assertAccessible } = await browser.newDashboard(server);
    for (let at = 0; at < 20; at++) await server.post('/v1/track', { event: 'E', userId: 'u' });
    await server.post('/v1/track', { userId: 'u' });
    await open('/');
    await page.getByRole('button', { name: 'Recount now' }).click();
    await page.getByText(/21 received = .* recounted/).waitFor();
    await page.getByText('Yes', { exact: true }).waitFor();
    await page.locator('canvas').waitFor();
    await page.getByRole('figure', { name: /Events per minute, by source. test/ }).waitFor();
    await page.getByText('Log is kept for').waitFor();
    await page.getByRole('button', { name: 'month' }).click();
    await page.waitForURL(/range=month/);
    await page.reload();
    await page.locator('button[aria-pressed=true]', { hasText: 'month' }).waitFor();
    await assertAccessible('an overview with a chart');
    assertClean();
  });

  test('names that mean harm are only texts, in every view that shows them', async () => {
    const { page, open, assertClean } = await browser.newDashboard(server);
    const made = await askAdmin(server, '/sources', { body: { name: HOSTILE, slug: 'hostile' } });
    assert.equal(made.status, 201);
    for (const path of ['/', '/sources', '/sources/hostile', '/live']) {
      await open(path);
      if (path !== '/live') await page.getByText(HOSTILE).first().waitFor();
      assert.equal(await page.locator('img').count(), 0);
    }
    await open(`/live?q=${encodeURIComponent(HOSTILE)}&source=${encodeURIComponent(HOSTILE)}`);
    assert.equal(await page.getByLabel('Search').inputValue(), HOSTILE);
    await open(`/sources/${encodeURIComponent(HOSTILE)}`);
    await page.getByRole('alert').waitFor();
    assertClean();
  });

  test('the keyboard is enough, and whoever hears the page is told where he is', async () => {
    const { page, open, assertClean } = await browser.newDashboard(server);
    await open('/');
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const focused = () => page.evaluate(`document.activeElement?.textContent ?? ''`);
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement?.id'), 'main');
    await page.getByRole('link', { name: 'Sources', exact: true }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Sources' }).waitFor();
    await until('the heading has the focus', () =>
      page.evaluate(`document.activeElement?.tagName === 'H1'`).then(Boolean),
    );
    assert.equal(await focused(), 'Sources');
    assert.equal(await page.title(), 'Sources · Millrace');
    await page.getByRole('button', { name: 'New source' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'New source' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await focused(), 'New source', 'the focus goes back');
    await page.goBack();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assertClean();
  });

  test('the theme follows the system until somebody chooses', async () => {
    const { page, open, assertClean } = await browser.newDashboard(server);
    const theme = () => page.evaluate('document.documentElement.dataset.theme');
    await page.emulateMedia({ colorScheme: 'dark' });
    await open('/');
    assert.equal(await theme(), 'dark');
    await page.getByRole('button', { name: 'Light theme' }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Dark theme' }).waitFor();
    assert.equal(await theme(), 'light');
    assertClean();
  });

  test('whoever is kept to a source sees that one, and no button that would be refused', async () => {
    const cookie = await signedIn(server, 'viewer', { read: ['test'], write: [] });
    const { page, open, assertClean } = await browser.newDashboard(server, { token: null });
    const [name = '', value = ''] = cookie.split('=');
    await page.context().addCookies([{ name, value, url: server.adminUrl }]);
    await open('/');
    await page.getByRole('heading', { name: 'Disk and retention' }).waitFor();
    assert.equal(await page.getByText('Recount now').count(), 0);
    assert.equal(await page.getByText(HOSTILE).count(), 0);
    await open('/sources/test');
    await page.getByText('Events arrive').waitFor();
    for (const button of ['Rotate', 'New key', 'Disable', 'Settings', 'Change limits']) {
      assert.equal(await page.getByRole('button', { name: button }).count(), 0, button);
    }
    await open('/live');
    await page.getByText('connected', { exact: true }).waitFor();
    await server.post('/v1/track', { event: 'Seen', userId: 'u' });
    await page.getByText('Seen', { exact: true }).waitFor();
    assertClean();
  });
});
