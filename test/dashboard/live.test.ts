/** Live events at speed, filtered, paused, and each with what became of it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const BATCH = 250;
const BATCHES = 24;
const SHOWN_MAX = 200;

describe('live events', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  before(async () => {
    server = await startTestServer();
    browser = await startDashboardBrowser();
  });
  afterEach(() => browser.closeDashboards());
  after(async () => {
    await browser.close();
    await server.stop();
  });

  const openLive = async (query = ''): Promise<Dashboard> => {
    const dashboard = await browser.newDashboard(server);
    await dashboard.open(`/live${query}`);
    await dashboard.page.getByText('connected', { exact: true }).waitFor();
    return dashboard;
  };
  const eventsOf = ({ page }: Dashboard) => page.getByRole('list', { name: 'Events' });
  const flood = async (name: string): Promise<void> => {
    for (let at = 0; at < BATCHES; at++) {
      const one = { type: 'track', event: name, userId: 'crowd' };
      const batch = Array.from({ length: BATCH }, () => one);
      assert.equal((await server.post('/v1/batch', { batch })).status, 200);
    }
  };
  /** All that the page says it has seen or missed. */
  const counted = async ({ page }: Dashboard): Promise<number> => {
    const text = (await page.getByText('seen since this page was opened').textContent()) ?? '';
    const numbers = [...text.matchAll(/([\d,]+) (?:seen|more came)/g)];
    return numbers.reduce((sum, [, number]) => sum + Number(number?.replaceAll(',', '')), 0);
  };

  test('a flood is sampled: a short list, every event counted, and the page still answers', async () => {
    const dashboard = await openLive();
    const { page, assertClean } = dashboard;
    const flooding = flood('Flood');
    await eventsOf(dashboard).getByText('Flood').first().waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    const first = await eventsOf(dashboard).getByRole('listitem').first().textContent();
    const length = await eventsOf(dashboard).getByRole('listitem').count();
    await flooding;
    await server.post('/v1/track', { event: 'Needle', userId: 'rare' });
    await until('all are counted', async () => (await counted(dashboard)) > BATCH * BATCHES);
    assert.equal(await counted(dashboard), BATCH * BATCHES + 1);
    assert.ok(length > 0 && length <= SHOWN_MAX);
    assert.equal(await eventsOf(dashboard).getByRole('listitem').first().textContent(), first);
    assert.equal(await eventsOf(dashboard).getByText('Needle').count(), 0);
    await page.getByText(/paused, [\d,]+ new/).waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await eventsOf(dashboard).getByText('Needle').waitFor();
    assert.ok((await eventsOf(dashboard).getByRole('listitem').count()) <= SHOWN_MAX);
    assertClean();
  });

  test('a rare event stays in a filtered view while others pour in', async () => {
    const dashboard = await openLive('?event=need&user=rare&type=track&source=test&status=stored');
    await server.post('/v1/track', { event: 'Needle', userId: 'rare' });
    await eventsOf(dashboard).getByText('Needle').waitFor();
    await server.post('/v1/track', { event: 'Needle', userId: 'other' });
    await server.post('/v1/page', { name: 'Needle', userId: 'rare' });
    await flood('Hay');
    await until('all are counted', async () => (await counted(dashboard)) >= BATCH * BATCHES + 3);
    assert.equal(await eventsOf(dashboard).getByRole('listitem').count(), 1);
    await dashboard.page.getByText(/the latest 1 of 1 that fit/).waitFor();
    dashboard.assertClean();
  });

  test('each says what became of it, why, and how the request was answered', async () => {
    const dashboard = await openLive();
    const { page, assertClean, assertAccessible } = dashboard;
    const once = { event: 'Once', userId: 'u', messageId: 'once', answer: 'evil', request: 1 };
    await server.post('/v1/track', once);
    await server.post('/v1/track', once);
    await server.post('/v1/track', { userId: 'u', properties: { total: 1 } });
    const detail = page.getByRole('region', { name: 'The chosen event' });
    await eventsOf(dashboard)
      .getByRole('button', { name: /duplicate.*Once/ })
      .click();
    await detail.getByText('nothing was stored').waitFor();
    await detail.getByText('200: 1 accepted, 0 rejected').waitFor();
    await eventsOf(dashboard)
      .getByRole('button', { name: /rejected/ })
      .click();
    await detail.getByText('event: Missing required field: event').waitFor();
    await detail.getByText('400: 0 accepted, 1 rejected').waitFor();
    await detail.getByRole('button', { name: 'Raw' }).click();
    const raw = detail.getByLabel('event', { exact: true });
    assert.equal(await raw.textContent(), '{"userId":"u","properties":{"total":1}}');
    await detail.getByRole('button', { name: 'Pretty' }).click();
    assert.match((await raw.textContent()) ?? '', /"properties": \{\n/);
    await server.post('/v1/track', '{"userId":9007199254740993,"event":"Mended"}');
    await eventsOf(dashboard)
      .getByRole('button', { name: /Mended/ })
      .click();
    await detail.getByText('sent as the number 9007199254740993').waitFor();
    await assertAccessible('a chosen live event');
    assertClean();
  });
});
