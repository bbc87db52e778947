/** Pictures of the dashboard in both themes, from a real server with something going on. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { askAdmin } from '../test/support/admin-people.ts';
import { startFakeService } from '../test/support/fake-service.ts';
import { basicAuth, startTestServer } from '../test/support/test-server.ts';
import type { TestServer } from '../test/support/test-server.ts';

/** Name of the picture and path below /app. The overview last: its chart has grown by then. */
const VIEWS = [
  ['sources', '/sources'],
  ['source', '/sources/web-shop'],
  ['destinations', '/destinations'],
  ['destination', '/destinations/crm'],
  ['trace', '/trace/the-order'],
  ['live', '/live'],
  ['catalogue', '/destinations/new'],
  ['sql', '/sql'],
  ['usage', '/usage'],
  ['alerts', '/usage/alerts'],
  ['schema', '/schema?source=web-shop'],
  ['users', '/users?q=user-7'],
  ['settings', '/settings'],
  ['audit', '/settings/audit'],
  ['overview', '/'],
] as const;
const SIZE = { width: 1120, height: 760 };
const SETTLE_MS = 2_500;
/** Points of a rate are five seconds apart. */
const CHART_MS = 40_000;
const KEYS = ['webShopKey0123456789', 'iosAppKey01234567890', 'billingKey0123456789'];
const EVENTS = ['Product Viewed', 'Product Added', 'Order Completed', 'Signed Up'];

/** Writes `<view>-<theme>.png` into the folder. Takes about two minutes. */
export async function drawDashboard(page: Page, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const service = await startFakeService();
  const server = await startTestServer({ config: configOf(service.url) });
  const stopping = new AbortController();
  await makePeople(server);
  const traffic = sendTraffic(server, stopping.signal);
  try {
    await page.setViewportSize(SIZE);
    await page.goto(`${server.adminUrl}/#token=${server.token}`);
    await page.waitForSelector('main h1');
    await sleep(CHART_MS);
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [name, path] of VIEWS) {
        await page.goto(`${server.adminUrl}/app${path}`);
        await page.waitForSelector('main h1');
        await sleep(SETTLE_MS);
        if (name === 'live') {
          await page.getByRole('button', { name: 'Pause' }).click();
          await page.locator('.entry', { hasText: 'Order' }).first().click();
        }
        // A chart of counters begins anew with each page.
        if (name === 'overview') await sleep(CHART_MS / 2);
        await page.screenshot({ path: join(folder, `${name}-${theme}.png`) });
      }
    }
  } finally {
    stopping.abort();
    await traffic;
    await server.stop();
    await service.close();
  }
}

function configOf(url: string): Record<string, unknown> {
  const [shop = '', ios = '', billing = ''] = KEYS;
  return {
    net: { allow: ['127.0.0.1'] },
    sources: [
      { name: 'Web shop', slug: 'web-shop', writeKeys: [shop] },
      { name: 'iOS app', slug: 'ios-app', writeKeys: [ios] },
      { name: 'Billing', slug: 'billing', writeKeys: [billing] },
    ],
    destinations: [
      { name: 'CRM', slug: 'crm', type: 'webhook', settings: { url: `${url}/crm` } },
      // Nobody listens there.
      {
        name: 'Old CRM',
        slug: 'old-crm',
        type: 'webhook',
        settings: { url: 'http://127.0.0.1:9/' },
      },
    ],
  };
}

/** Somebody with an account, and somebody who was invited; they have traits of their own, too. */
async function makePeople(server: TestServer): Promise<void> {
  const document = {
    version: 1,
    users: [
      { email: 'ada@example.com', name: 'Ada', role: 'owner' },
      {
        email: 'kim@example.com',
        name: 'Kim',
        role: 'member',
        sources: { read: ['ios-app'], write: ['web-shop'] },
      },
    ],
  };
  await askAdmin(server, '/apply', { body: { document } });
  await askAdmin(server, '/invitations', { body: { email: 'sam@example.com', role: 'viewer' } });
  const [key = ''] = KEYS;
  for (const plan of ['free', 'pro']) {
    const traits = { name: 'Robin', email: 'robin@example.com', plan };
    const body = { userId: 'user-7', anonymousId: 'browser-1', traits };
    await server.post('/v1/identify', body, { Authorization: basicAuth(key) });
  }
}

async function sendTraffic(server: TestServer, signal: AbortSignal): Promise<void> {
  for (let at = 0; !signal.aborted; at++) {
    const key = KEYS[[0, 0, 0, 1, 1, 2][at % 6] ?? 0] ?? '';
    const event = {
      event: EVENTS[at % EVENTS.length],
      userId: `user-${(at * 7) % 31}`,
      messageId: at === 2 ? 'the-order' : `m-${at % 50 === 49 ? at - 1 : at}`,
      properties: { orderId: `o-${1_000 + at}`, total: 20 + ((at * 13) % 90), currency: 'EUR' },
      context: { page: { path: '/checkout', title: 'Checkout' }, locale: 'en-GB' },
    };
    const sent = at % 40 === 17 ? { ...event, event: undefined } : event;
    await server.post('/v1/track', sent, { Authorization: basicAuth(key) });
    await sleep(30 + ((at * 37) % 90));
  }
}
