/** Connect, filter, break, repair, replay and trace, in a browser, against real services. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Analytics } from '@segment/analytics-node';
import type { ReplayProgress } from '../../src/deliver/replay-shapes.ts';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const SECRET = 'a-shared-secret-of-mine';
const HOSTILE = `"><img src=x onerror="alert(1)">`;

const signatureOf = (body: string): string => createHmac('sha1', SECRET).update(body).digest('hex');

describe('destinations in the dashboard', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let service: FakeService;
  let dashboard: Dashboard;
  before(async () => {
    // Builds what the server will read.
    browser = await startDashboardBrowser();
    service = await startFakeService();
    server = await startTestServer({
      config: {
        net: { allow: ['127.0.0.1'], timeoutMs: 5_000 },
        deliver: { retryDelayMsMin: 10, retryDelayMsMax: 100 },
      },
    });
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await service.close();
  });

  const track = async (event: string, messageId: string, properties = {}): Promise<void> => {
    const analytics = new Analytics({ writeKey: WRITE_KEY, host: server.url });
    analytics.track({ userId: 'u1', event, messageId, properties });
    await analytics.closeAndFlush();
    await server.sqlUntil(
      `select count(*)::int as n from events where message_id = '${messageId}'`,
      ([row]) => row?.['n'] === 1,
    );
  };
  const figure = (name: string): Promise<string | null> =>
    dashboard.page.locator('.figures div').filter({ hasText: name }).locator('dd').textContent();

  test('a webhook is found in the catalogue, connected, tested, and delivers', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await track('Before', 'before-1');
    await open('/destinations');
    await page.getByText('Nothing is connected yet').waitFor();
    await page.getByRole('link', { name: 'Connect a destination' }).click();
    await page.getByLabel('Search the catalogue').fill('webhook');
    await assertAccessible('the catalogue');
    await page
      .getByRole('link', { name: /^Webhook\s/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByText('is required').first().waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Orders CRM');
    await page.getByRole('textbox', { name: /URL/ }).fill('http://169.254.169.254/latest');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByRole('alert').first().waitFor();
    await page.getByRole('textbox', { name: /URL/ }).fill(`${service.url}/hook`);
    await page
      .getByLabel(/secret/i)
      .first()
      .fill(SECRET);
    await assertAccessible('the form of a webhook');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForURL(/destinations\/orders-crm/);
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('The test succeeded').waitFor();
    await track('Order Completed', 'order-1', { total: 7 });
    await until('it is delivered', async () => (await figure('Delivered')) === '1');
    assert.equal(await figure('Dead letters'), '0');
    await assertAccessible('delivery');
    await open('/destinations/orders-crm/settings');
    await page.getByRole('button', { name: 'Save' }).waitFor();
    assert.ok(!(await page.content()).includes(SECRET), 'secrets stay away');
    await page.getByLabel('Name', { exact: true }).fill('Orders');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Orders', level: 1 }).waitFor();
    await track('Order Completed', 'order-2', { total: 8 });
    await until('the second arrives', () =>
      service.taken.some(({ body }) => body.includes('order-2')),
    );
    const signatures = service.taken
      .filter(({ body }) => body.includes('order-2'))
      .map(({ headers, body }) => [headers['x-signature'], signatureOf(body)]);
    assert.deepEqual(
      signatures[0]?.[0],
      signatures[0]?.[1],
      'the mask was not saved as the secret',
    );
    assertClean();
  });

  test('a share is one of users, with all of their events, unless another is chosen', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    const previewed = async (): Promise<unknown> => {
      const asked = page.waitForRequest('**/admin/filters/preview');
      await page.getByRole('button', { name: 'Preview on recent events' }).click();
      const { filters } = (await asked).postDataJSON() as { filters: { actions: unknown }[] };
      await page.getByText(/^Of the last \d+ events/).waitFor();
      return filters[0]?.actions;
    };
    await open('/destinations/orders-crm/filters');
    await page.getByLabel('Then').selectOption('keep only a share');
    await page.getByText('share one fate').waitFor();
    await page.getByLabel('Percent that is kept').fill('50');
    await assertAccessible('a share');
    assert.deepEqual(await previewed(), [{ type: 'sample', percent: 0.5, path: 'userId' }]);
    await page.getByLabel('A share').selectOption('of the events, whoever they are of');
    assert.equal(await page.getByText('share one fate').count(), 0);
    assert.deepEqual(await previewed(), [{ type: 'sample', percent: 0.5, path: 'messageId' }]);
    assertClean();
  });

  test('a filter is tried on real events, then says why an event did not go', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/destinations/orders-crm/filters');
    await page.getByLabel('If (FQL)').fill('event = = "Order Completed"');
    await page.getByRole('button', { name: 'Preview on recent events' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('If (FQL)').fill('event = "Noise"');
    await track('Noise', 'noise-1');
    await page.getByRole('button', { name: 'Preview on recent events' }).click();
    await page
      .getByRole('region', { name: 'Preview of the filters' })
      .getByText('filtered')
      .waitFor();
    await assertAccessible('filters');
    await page.getByRole('button', { name: 'Add the filter' }).click();
    await page.getByText('Saved').waitFor();
    await track('Noise', 'noise-2');
    await open('/destinations/orders-crm');
    const samples = page.getByRole('region', { name: 'Samples of events that did not arrive' });
    await samples
      .getByText(/filter/)
      .first()
      .waitFor();
    await samples.getByRole('link', { name: 'trace' }).first().click();
    await page.getByRole('img', { name: /orders-crm: Filtered/ }).waitFor();
    await assertAccessible('a trace');
    assertClean();
  });

  test('a filter that is saved is removed only after a question', async () => {
    const { page, open, assertClean } = dashboard;
    await open('/destinations/orders-crm/filters');
    await page.getByRole('button', { name: 'Switch off event = "Noise"' }).waitFor();
    const asked = page.waitForEvent('dialog');
    await page.getByRole('button', { name: 'Remove event = "Noise"' }).click();
    assert.match((await asked).message(), /^Remove the filter “event = "Noise"”\?/);
    await page.getByText('No filter: everything that is routed here is sent').waitFor();
    assertClean();
  });

  test('what the service refuses is a dead letter: inspected, repaired, retried, delivered', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    service.always({ status: 400, body: `refused: ${HOSTILE}` });
    await track(`Refused ${HOSTILE}`, 'refused-1', { [HOSTILE]: HOSTILE });
    await open('/destinations/orders-crm/dead-letters');
    await page.getByRole('button', { name: 'Inspect' }).click();
    await page.getByRole('dialog').getByText('refused-1').first().waitFor();
    await page.getByLabel('last response').getByText(HOSTILE).waitFor();
    await assertAccessible('a dead letter');
    await page.getByRole('button', { name: 'Close' }).click();
    await assertAccessible('dead letters');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.getByRole('heading', { name: 'Of the cause HTTP_STATUS 400' }).waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    service.always(null);
    await page
      .getByRole('region', { name: 'Dead letters by cause' })
      .getByRole('button', { name: /Retry/ })
      .click();
    await page.getByText('No dead letters').waitFor();
    assert.ok(service.taken.some(({ body }) => body.includes('refused-1')));
    await open('/trace/refused-1');
    await page.getByRole('img', { name: /orders-crm: Delivered/ }).waitFor();
    assertClean();
  });

  test('the past is counted, then replayed with progress', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/destinations/orders-crm/replay');
    await page.getByLabel('Only these events').fill('Before');
    await page.getByRole('button', { name: 'Count only' }).click();
    await page.getByText('1 events would be sent').waitFor();
    await page.getByRole('button', { name: 'Start the replay' }).click();
    const row = page.getByRole('region', { name: 'Replays' }).getByRole('row').nth(1);
    await row.getByText('done').waitFor();
    await assertAccessible('replays');
    assert.equal(service.taken.filter(({ body }) => body.includes('before-1')).length, 1);
    assertClean();
  });

  test('the buttons of a replay say which one they are for', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    const spec = { fromMs: 0, toMs: 1, events: [], filter: null, eventsPerSecond: null };
    const common = { destination: 'd', spec, share: 0.5, delivered: 1, filtered: {} };
    const counts = { waiting: 0, dead: 0 };
    const replays: ReplayProgress[] = [
      { id: 'a', state: 'running', createdAt: '2026-01-01T10:00:00Z', ...common, ...counts },
      { id: 'b', state: 'paused', createdAt: '2026-01-02T10:00:00Z', ...common, ...counts },
    ];
    await page.route('**/replays', (route) => route.fulfill({ json: replays }));
    await open('/destinations/orders-crm/replay');
    for (const name of [/^Pause .*2026-01-01/, /^Resume .*2026-01-02/]) {
      await page.getByRole('button', { name }).waitFor();
    }
    assert.equal(await page.getByRole('button', { name: /^Cancel .*2026-01-0[12]/ }).count(), 2);
    await assertAccessible('replays that are under way');
    await page.unroute('**/replays');
    assertClean();
  });

  test("one of Segment's destinations is connected with a mapping that is tried first", async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/destinations/new/actions-webhook');
    await page.getByLabel('Name', { exact: true }).first().fill('Actions');
    await page.getByLabel('Add a mapping').selectOption({ label: 'Send' });
    await page.getByLabel('Trigger (FQL)').fill('event = "Order Completed"');
    await page.getByRole('textbox', { name: /^URL/ }).fill(`${service.url}/{{userId}}`);
    await page.getByText(/more fields/).click();
    await page
      .getByRole('textbox', { name: /^Data/ })
      .fill('{"paid": {"@path": "$.properties.total"}}');
    await page.getByRole('button', { name: 'Preview on a recent event' }).click();
    await page
      .getByLabel('preview', { exact: true })
      .getByText(/"paid": 8/)
      .waitFor();
    await assertAccessible('mappings');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForURL(/destinations\/actions/);
    await track('Order Completed', 'action-1', { total: 99 });
    await until('it is delivered', async () => (await figure('Delivered')) === '1');
    const sent = service.taken.find(({ path }) => path === '/u1');
    assert.match(sent?.body ?? '', /"paid":99/);
    assertClean();
  });

  test('presets are mappings that can be changed, and one that cannot be read is not saved', async () => {
    const { page, open, assertAccessible, assertClean } = dashboard;
    await open('/destinations/new/actions-amplitude');
    await page.getByLabel('Name', { exact: true }).first().fill(HOSTILE);
    await page.getByRole('textbox', { name: /^API Key/ }).fill('an-api-key');
    await page.getByRole('textbox', { name: /^Secret Key/ }).fill('a-secret-key');
    const mappings = page.getByRole('region', { name: 'Mappings' });
    for (const preset of ['Identify Calls', 'Track Calls']) {
      await mappings.getByLabel('Add a mapping').selectOption({ label: preset });
    }
    const remove = mappings.getByRole('button', { name: 'Remove Identify Calls' });
    await remove.click();
    await until('one is left', async () => (await remove.count()) === 0);
    assert.equal(await mappings.getByLabel('Trigger (FQL)').count(), 1);
    const trigger = await mappings.getByLabel('Trigger (FQL)').inputValue();
    assert.match(trigger, /^type = "track"/, 'the other has stayed');
    await mappings.getByText(/more fields/).click();
    const product = mappings.getByRole('textbox', { name: /^Event Properties/ });
    assert.equal(await product.inputValue(), '$.properties');
    await product.fill('{"paid": ');
    await page.getByRole('button', { name: 'Connect' }).click();
    await mappings.getByText('A field of a mapping cannot be read').waitFor();
    await product.fill('{"paid": {"@path": "$.properties.total"}}');
    await mappings.getByRole('button', { name: 'Preview on a recent event' }).click();
    await page.getByLabel('preview', { exact: true }).getByText('"event_type"').waitFor();
    await assertAccessible('presets');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.getByRole('heading', { name: HOSTILE, level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Disable' }).click();
    await page.getByText('disabled', { exact: true }).waitFor();
    assertClean();
  });
});
