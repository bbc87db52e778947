/** Questions in SQL, in a browser. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const HOSTILE = `"><img src=x onerror="alert(1)">`;

describe('SQL in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    // Builds what the server will read.
    browser = await startDashboardBrowser();
    server = await startTestServer();
    dashboard = await browser.newDashboard(server);
    for (const event of ['=1+1', HOSTILE, 'Plain']) {
      await server.post('/v1/track', { userId: 'u', event });
    }
    await server.sqlUntil('select count(*)::int as n from events', ([row]) => row?.['n'] === 3);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  const type = async (text: string): Promise<void> => {
    const editor = dashboard.page.locator('.cm-content');
    await editor.click();
    // Deleted first: a browser that replaces a selection by itself makes a style attribute.
    await dashboard.page.keyboard.press('ControlOrMeta+a');
    await dashboard.page.keyboard.press('Delete');
    await dashboard.page.keyboard.insertText(text);
  };

  test('a query is written, run by the keyboard, shown, and kept in the address', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/sql');
    await type('select event from events order by event');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('cell', { name: 'Plain' }).waitFor();
    await page.getByText(HOSTILE).first().waitFor();
    await assertAccessible('a result');
    await page.waitForURL(/q=select/);
    await page.reload();
    await page.locator('.cm-content').getByText('select').first().waitFor();
    assertClean();
  });

  test('names are completed, and what is wrong is said', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/sql');
    await type('select * from eve');
    await page.keyboard.press('Control+Space');
    await page.locator('.cm-tooltip-autocomplete').getByText('events').first().waitFor();
    await page.keyboard.press('Escape');
    await type('select nothing_like_it from events');
    await page.keyboard.press('Control+Enter');
    await page
      .getByRole('alert')
      .getByText(/nothing_like_it/)
      .waitFor();
    assertClean();
  });

  test('a file for a spreadsheet holds no formula', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/sql');
    await type(`select event from events where event like '=%'`);
    await page.keyboard.press('Control+Enter');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: /CSV/ }).click();
    const text = await readFile(await (await download).path(), 'utf8');
    assert.match(text, /'=1\+1/);
    assert.doesNotMatch(text, /^"?=/m);
    assertClean();
  });

  test('a query is kept under a name, and found again', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/sql');
    await type('select 42 as answer');
    await page.getByRole('button', { name: 'Save as…' }).click();
    await page.getByLabel('Name').fill('The answer');
    await page.getByRole('dialog').getByRole('button', { name: /Save/ }).click();
    await page.getByRole('button', { name: 'The answer' }).waitFor();
    await open('/sql');
    await page.getByRole('button', { name: 'The answer' }).click();
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByRole('cell', { name: '42' }).waitFor();
    assertClean();
  });
});
