/** Members, tokens, the audit log, regions and the theme, in a browser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { askAdmin } from '../support/admin-people.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const HOSTILE = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;
const PASSWORD = 'correct horse battery';
const CHANGES = 60;

describe('settings in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    browser = await startDashboardBrowser();
    server = await startTestServer();
    const body = { email: 'owner@example.com', role: 'owner' };
    const { value } = await askAdmin<object>(server, '/invitations', { body });
    const person = { ...value, name: HOSTILE, password: PASSWORD };
    assert.equal((await askAdmin(server, '/invitations/accept', { body: person })).status, 201);
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('somebody is invited by a link, kept to one source, disabled and deleted', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/settings');
    await page.getByRole('cell', { name: HOSTILE }).waitFor();
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Role').selectOption('member');
    await page.getByRole('button', { name: 'Make the link' }).click();
    const url = (await page.getByLabel('link', { exact: true }).textContent()) ?? '';
    await page.getByRole('button', { name: 'Close' }).click();
    const invited = page.getByRole('region', { name: 'Invited' });
    await invited.getByText('ada@example.com').waitFor();
    await assertAccessible('who is invited');

    const guest = await browser.newDashboard(server, { token: null });
    await guest.page.goto(url);
    await guest.page.getByLabel('Name').fill('Ada');
    await guest.page.getByLabel('Password').fill(PASSWORD);
    await guest.page.getByRole('button', { name: 'Create account' }).click();
    await guest.page.getByRole('navigation', { name: 'Views' }).waitFor();

    await open('/settings');
    await page.getByRole('button', { name: 'Change ada@example.com' }).waitFor();
    assert.equal(await invited.count(), 0, 'a link works once');
    await askAdmin(server, '/invitations', { body: { email: 'eve@example.com', role: 'viewer' } });
    await open('/settings');
    await invited.getByRole('button', { name: 'New link for eve@example.com' }).click();
    await page.getByLabel('link', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await invited.getByRole('button', { name: 'Withdraw eve@example.com' }).click();
    await invited.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Change ada@example.com' }).click();
    await page.getByLabel('All sources, also those to come').uncheck();
    await page.getByLabel('Sees test').check();
    await assertAccessible('a member');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const ada = page.getByRole('row').filter({ hasText: 'ada@example.com' });
    await ada.getByRole('cell', { name: 'reads test' }).waitFor();
    await guest.open('/sources').catch(() => undefined);
    await guest.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    await guest.close();
    await ada.getByRole('button', { name: 'Disable ada@example.com' }).click();
    await ada.getByText('disabled').waitFor();
    await assertAccessible('the members');
    await ada.getByRole('button', { name: 'Delete ada@example.com' }).click();
    await ada.waitFor({ state: 'detached' });
    assertClean();
  });

  test('a token is shown once, works, and is refused when it is revoked', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/settings/tokens');
    await page.getByText('There is no token yet').waitFor();
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByLabel('Name').fill(HOSTILE);
    await page.getByLabel('Role').selectOption('viewer');
    await page.getByRole('button', { name: 'Make token' }).click();
    const token = (await page.getByLabel('token', { exact: true }).textContent()) ?? '';
    assert.match(token, /^mrt_[\w-]+$/);
    await page.getByRole('button', { name: 'Close' }).click();
    const status = async (): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`${server.adminUrl}/admin/sources`, { headers })).status;
    };
    assert.equal(await status(), 200);
    await page.reload();
    const row = page.getByRole('row').filter({ hasText: HOSTILE });
    await row.getByText('by admin token').waitFor();
    assert.equal(await page.getByText(token).count(), 0);
    await assertAccessible('tokens');
    await row.getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
    assert.equal(await status(), 401);
    assertClean();
  });

  test('the audit log says who changed what, by page and by filter', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    const change = (name: string) =>
      askAdmin(server, '/sources/test', { method: 'PATCH', body: { name } });
    for (let turn = 0; turn < CHANGES; turn++) await change(`Name ${turn}`);
    await change(HOSTILE);
    await open('/settings/audit');
    const rows = page.getByRole('region', { name: 'Audit log' }).getByRole('row');
    await rows.filter({ hasText: HOSTILE }).first().waitFor();
    await page.getByText('50 changes shown').waitFor();
    await page.getByRole('button', { name: 'Show more' }).click();
    await rows.filter({ hasText: 'User Invited' }).first().waitFor();
    const newest = rows.nth(1);
    await newest.getByText('1 change').click();
    assert.equal(await newest.locator('del').textContent(), `"Name ${CHANGES - 1}"`);
    assert.equal(await newest.locator('ins').textContent(), JSON.stringify(HOSTILE));
    await page.getByLabel('Filter').fill('TOKEN REVOKED');
    await rows.filter({ hasText: 'Source Modified' }).first().waitFor({ state: 'detached' });
    await rows.filter({ hasText: 'Token Revoked' }).first().waitFor();
    assert.equal(await rows.count(), 2);
    await assertAccessible('the audit log');
    await page.getByLabel('Filter').fill('100%_');
    await page.getByText('No change fits this').waitFor();
    assert.equal(await page.locator('main img, main script').count(), 0);
    assertClean();
  });

  test('regions with their sizes, and a theme that stays', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/settings/regions');
    const region = page.getByRole('region', { name: 'Regions' }).getByRole('row').nth(1);
    await region
      .getByText(/\d [KM]?i?B/)
      .first()
      .waitFor();
    await assertAccessible('regions');
    await open('/settings/look');
    await page.getByLabel('Dark', { exact: true }).check();
    const theme = () => page.evaluate('document.documentElement.dataset.theme');
    assert.equal(await theme(), 'dark');
    await page.reload();
    await page.getByLabel('Dark', { exact: true }).waitFor();
    assert.equal(await theme(), 'dark');
    await page.getByLabel('As the system says').check();
    assert.equal(await theme(), 'light');
    assertClean();
  });
});
