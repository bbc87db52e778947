/**
 * Segment's consent wrapper in a real browser. It reads `consentSettings` before it sends anything:
 * what they say decides whether a page that consents is heard at all.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { bundledPage, sdkPageSkip, startSdkSite } from '../support/sdk-page.ts';
import type { SdkSite } from '../support/sdk-page.ts';
import { basicAuth, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

/** Of sources: without destinations that ask, with some that do, and with none but such. */
const KEYS = {
  free: 'consentFreeKey0123456789',
  mixed: 'consentMixedKey0123456789',
  strict: 'consentStrictKey0123456789',
} as const;
type SourceSlug = keyof typeof KEYS;

interface Choice {
  source: SourceSlug;
  consentModel: 'opt-in' | 'opt-out';
  categories: Record<string, boolean>;
}

declare const window: {
  startPage(options: object): void;
  changeConsent(categories: Record<string, boolean>): void;
  analytics: { track(event: string): Promise<unknown> };
};

describe('@segment/analytics-consent-tools in Chromium', { skip: sdkPageSkip }, () => {
  let server: TestServer;
  let ads: FakeService;
  let rest: FakeService;
  let site: SdkSite;

  before(async () => {
    ads = await startFakeService();
    rest = await startFakeService();
    server = await startTestServer({ config: configOf(ads.url, rest.url) });
    site = await startSdkSite(await bundledPage('consent-page.js'));
  });
  after(async () => {
    await site?.close();
    await server?.stop();
    await ads?.close();
    await rest?.close();
  });

  const visit = async ({ source, consentModel, categories }: Choice): Promise<Page> => {
    const { page } = await site.visit();
    const settings = page.waitForResponse((response) => response.url().includes('/settings'));
    await page.evaluate((options) => window.startPage(options), {
      writeKey: KEYS[source],
      cdnURL: server.url,
      consentModel,
      categories,
    });
    await settings;
    return page;
  };
  const consentOf = async (event: string): Promise<unknown> => {
    const rows = await server.sqlUntil(
      `select context->'consent'->'categoryPreferences' as consent from events
       where event = '${event}'`,
      (all) => all.length === 1,
    );
    return JSON.parse(String(rows[0]?.['consent']));
  };
  const eventsAt = (service: FakeService): string[] =>
    service.taken.flatMap(({ body }) =>
      [...body.matchAll(/"event":"([^"]*)"/g)].map(([, event]) => event ?? ''),
    );
  const untilAt = (service: FakeService, event: string): Promise<void> =>
    until(`${event} arrives`, () => eventsAt(service).includes(event), 30_000);
  /** Everything sent before this has arrived, or never will. */
  const settle = async (source: SourceSlug, event: string): Promise<void> => {
    const response = await server.post(
      '/v1/track',
      { userId: 'control', event },
      { Authorization: basicAuth(KEYS[source]) },
    );
    assert.equal(response.status, 200);
    await server.sqlUntil(`select 1 from events where event = '${event}'`, (all) => all.length > 0);
  };

  test('no destination asks for consent: what was consented to is stored', async () => {
    const categories = { Advertising: true, Analytics: false };
    const page = await visit({ source: 'free', consentModel: 'opt-in', categories });
    await page.evaluate(() => window.analytics.track('Free'));
    assert.deepEqual(await consentOf('Free'), categories);
    await page.close();
  });

  test('opt-in without consent: those that ask get nothing, the others and the lake do', async () => {
    const categories = { Advertising: false };
    const page = await visit({ source: 'mixed', consentModel: 'opt-in', categories });
    await page.evaluate(() => window.analytics.track('Refused'));
    assert.deepEqual(await consentOf('Refused'), categories);
    await untilAt(rest, 'Refused');
    await settle('mixed', 'Behind Refused');
    // An event without a consent object goes to both: when it is there, the one before would be.
    await untilAt(ads, 'Behind Refused');
    assert.equal(eventsAt(ads).includes('Refused'), false);
    await page.close();
  });

  test('opt-out, and a change of mind: it is told, and holds from the next event on', async () => {
    const page = await visit({
      source: 'mixed',
      consentModel: 'opt-out',
      categories: { Advertising: true },
    });
    await page.evaluate(() => window.analytics.track('Before'));
    assert.deepEqual(await consentOf('Before'), { Advertising: true });
    await untilAt(ads, 'Before');
    await page.evaluate(() => window.changeConsent({ Advertising: false }));
    assert.deepEqual(await consentOf('Segment Consent Preference Updated'), { Advertising: false });
    await page.evaluate(() => window.analytics.track('After'));
    assert.deepEqual(await consentOf('After'), { Advertising: false });
    await settle('mixed', 'Behind After');
    await untilAt(ads, 'Behind After');
    assert.equal(eventsAt(ads).includes('After'), false);
    await page.close();
  });

  test('all destinations ask: consent to one is heard, and consent to none keeps it silent', async () => {
    const consenting = await visit({
      source: 'strict',
      consentModel: 'opt-in',
      categories: { Advertising: true },
    });
    await consenting.evaluate(() => window.analytics.track('Consented'));
    assert.deepEqual(await consentOf('Consented'), { Advertising: true });
    await consenting.close();
    const silent = await visit({
      source: 'strict',
      consentModel: 'opt-in',
      categories: { Advertising: false },
    });
    await silent.evaluate(() => void window.analytics.track('Unheard'));
    await settle('strict', 'Behind Unheard');
    await silent.close();
    assert.deepEqual(await server.sql(`select 1 from events where event = 'Unheard'`), []);
  });
});

function configOf(adsUrl: string, restUrl: string): Record<string, unknown> {
  const webhook = { type: 'webhook', region: 'us', delivery: { batchAgeMs: 10 } };
  return {
    net: { allow: ['127.0.0.1'] },
    sources: Object.entries(KEYS).map(([slug, key]) => ({
      name: slug,
      slug,
      region: 'us',
      writeKeys: [key],
    })),
    destinations: [
      {
        ...webhook,
        name: 'Ads',
        slug: 'ads',
        sources: ['mixed', 'strict'],
        consentCategories: ['Advertising'],
        settings: { url: adsUrl },
      },
      {
        ...webhook,
        name: 'Rest',
        slug: 'rest',
        sources: ['mixed'],
        settings: { url: restUrl },
      },
    ],
  };
}
