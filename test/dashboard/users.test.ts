/** One person in a browser: found, with ids, traits and what they did. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Analytics } from '@segment/analytics-node';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { WRITE_KEY, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const HOSTILE = `"><img src=x onerror="alert(1)"><script>alert(2)</script>' or 1=1 --`;
const STEPS = 60;

describe('users in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    browser = await startDashboardBrowser();
    server = await startTestServer();
    const analytics = new Analytics({ writeKey: WRITE_KEY, host: server.url });
    const at = (seconds: number) => ({ timestamp: new Date(1_767_225_600_000 + seconds * 1_000) });
    const ada = { userId: 'ada', anonymousId: 'a1' };
    analytics.page({ anonymousId: 'a1', name: 'Landing', ...at(0) });
    const email = 'ada@example.com';
    analytics.identify({ ...ada, traits: { email, plan: 'free' }, ...at(1) });
    analytics.identify({ ...ada, traits: { email, plan: 'pro' }, ...at(2) });
    analytics.track({ userId: 'bob', anonymousId: 'a1', event: 'Borrowed', ...at(3) });
    for (let step = 0; step < STEPS; step++) {
      analytics.track({ ...ada, event: `Step ${step}`, properties: { step }, ...at(10 + step) });
    }
    const traits = { [HOSTILE]: HOSTILE };
    analytics.identify({ userId: HOSTILE, traits, ...at(4) });
    await analytics.closeAndFlush();
    await server.sqlUntil('select 1 from events', ({ length }) => length === STEPS + 5);
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('somebody is found by email: ids, traits with what they were, and every event', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/users');
    await page.getByText('Look somebody up').waitFor();
    await assertAccessible('nobody yet');
    await page.getByLabel('User id, anonymous id or email').fill('Ada@example.com');
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByRole('heading', { name: 'ada' }).waitFor();
    const plan = page.getByRole('row').filter({ hasText: 'plan' });
    await plan.getByRole('cell', { name: 'pro', exact: true }).waitFor();
    await plan.getByText('free').waitFor();
    await page.getByRole('link', { name: 'bob' }).waitFor();
    await assertAccessible('a person');
    const links = page.locator('.timeline').getByRole('link');
    assert.equal(await links.first().textContent(), `Step ${STEPS - 1}`);
    assert.equal(await links.count(), 50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.getByText(`${STEPS + 3} events`).waitFor();
    assert.equal(await links.last().textContent(), 'Landing');
    assert.equal(await page.getByText('Borrowed').count(), 0, 'somebody else of this browser');
    assertClean();
  });

  test('an address leads to a person, and an event of theirs to its trace', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/users?q=a1');
    await page.getByText('none, or more than one person').waitFor();
    await page.getByRole('link', { name: 'bob' }).click();
    await page.getByRole('heading', { name: 'bob' }).waitFor();
    await page.getByRole('link', { name: 'Borrowed' }).click();
    await page.waitForURL(/\/app\/trace\//);
    await page.goBack();
    await page.getByRole('heading', { name: 'bob' }).waitFor();
    assertClean();
  });

  test('ids and traits that mean harm are text, and find nobody else', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/users');
    await page.getByLabel('User id, anonymous id or email').fill(HOSTILE);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: HOSTILE }).waitFor();
    await page.getByRole('rowheader', { name: HOSTILE }).waitFor();
    assert.equal(await page.locator('main img, main script').count(), 0);
    await open(`/users?q=${encodeURIComponent("nobody' or 1=1 --")}`);
    await page.getByText('Nobody has this id or email').waitFor();
    assertClean();
  });
});
