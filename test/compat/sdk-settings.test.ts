/**
 * Each field of `GET /v1/projects/{writeKey}/settings` with an SDK that reads it. A new field needs
 * a test here; `consentSettings` has its own in consent-wrapper.test.ts, and `apiHost` of mobile
 * SDKs in kotlin-sdk.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Request } from 'playwright-core';
import { quickstartRunner } from '../support/quickstart-program.ts';
import { startRefusingProxy } from '../support/refusing-proxy.ts';
import { bundledPage, sdkPageSkip, startSdkSite } from '../support/sdk-page.ts';
import type { SdkSite } from '../support/sdk-page.ts';
import { basicAuth, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { Row, TestServer } from '../support/test-server.ts';
import { startTlsFront } from '../support/tls-front.ts';
import { until } from '../support/until.ts';

/** Repeats what the server refuses for good, once, which no SDK does by itself. */
const HTTP_CONFIG = {
  backoffConfig: {
    maxRetryCount: 2,
    baseBackoffInterval: 0.1,
    statusCodeOverrides: { '400': 'retry' },
  },
};
/** More than the time between two reports. */
const REPORT_MS = 31_000;
const RUN_MS_MAX = 60_000;

declare const window: {
  startPage(options: object): void;
  analytics: { track(event: string, properties?: object): Promise<unknown> };
};

let server: TestServer;
before(async () => {
  server = await startTestServer({ config: { sdk: { httpConfig: HTTP_CONFIG } } });
});
after(() => server.stop());

test('there is no field without a test', async () => {
  const response = await fetch(`${server.url}/v1/projects/${WRITE_KEY}/settings`);
  const settings = (await response.json()) as { integrations: Row };
  assert.deepEqual(Object.keys(settings), ['integrations', 'metrics']);
  assert.deepEqual(Object.keys(settings.integrations), ['Segment.io']);
  assert.deepEqual(Object.keys(settings.integrations['Segment.io'] as Row), [
    'apiKey',
    'apiHost',
    'protocol',
    'httpConfig',
  ]);
});

describe('in browsers', { skip: sdkPageSkip }, () => {
  let site: SdkSite;
  before(async () => {
    site = await startSdkSite(await bundledPage('segment-page.js'));
  });
  after(() => site?.close());

  const visit = async () => {
    const opened = await site.visit();
    const requests: Request[] = [];
    opened.page.on('request', (request) => requests.push(request));
    await opened.page.clock.install();
    const options = { writeKey: WRITE_KEY, cdnURL: server.url };
    await opened.page.evaluate((given) => window.startPage(given), options);
    return { ...opened, requests };
  };

  test('apiKey, apiHost and protocol: where events go, and with which key', async () => {
    const { page, requests } = await visit();
    await page.evaluate(() => window.analytics.track('Where'));
    await server.sqlUntil(`select 1 from events where event = 'Where'`, (rows) => rows.length > 0);
    const sent = requests.find((request) => request.postData()?.includes('Where'));
    assert.equal(sent?.url(), `${server.url}/v1/t`);
    assert.equal(await sent?.headerValue('authorization'), basicAuth(WRITE_KEY));
    await page.close();
  });

  test('metrics.sampleRate: it does not report on itself, to anybody', async () => {
    const { page, hosts, requests } = await visit();
    await page.evaluate(() => window.analytics.track('Counted'));
    await server.sqlUntil(
      `select 1 from events where event = 'Counted'`,
      (rows) => rows.length === 1,
    );
    await page.clock.fastForward(REPORT_MS);
    // Requests are heard of in their order.
    await page.evaluate(() => window.analytics.track('Behind'));
    await until('it arrives', () => requests.some((each) => each.postData()?.includes('Behind')));
    assert.deepEqual([...hosts], [new URL(server.url).host]);
    const paths = new Set(requests.map((request) => new URL(request.url()).pathname));
    assert.deepEqual([...paths].toSorted(), [`/v1/projects/${WRITE_KEY}/settings`, '/v1/t']);
    await page.close();
  });

  test('httpConfig: how it repeats', async () => {
    const { page, requests } = await visit();
    const repeats = () =>
      requests.filter((request) => {
        return request.method() === 'POST' && request.headers()['x-retry-count'] !== undefined;
      });
    await page.evaluate(
      () => void window.analytics.track('Too Large', { text: 'x'.repeat(40_000) }),
    );
    await until('it repeats what was refused', () => repeats().length > 0, RUN_MS_MAX);
    await page.close();
  });
});

test('in React Native: apiHost without a proxy, and httpConfig', async (t) => {
  const runner = await quickstartRunner('react-native');
  if ('reason' in runner) return t.skip(runner.reason);
  const proxy = await startRefusingProxy();
  const front = await startTlsFront(server.url);
  const code = `
    import { createClient } from '@segment/analytics-react-native';
    const analytics = createClient({
      writeKey: '${WRITE_KEY}',
      cdnProxy: '${front.url}/v1',
      useSegmentEndpoints: true,
    });
    analytics.track('From A Phone', { text: 'x'.repeat(40_000) });
  `;
  const running = await runner.start(code, proxy.env);
  try {
    const uploads = () => front.paths.filter((path) => path === '/v1/b').length;
    await until('it repeats what was refused', () => uploads() > 1, RUN_MS_MAX);
    assert.deepEqual([...proxy.asked], []);
  } finally {
    await running.end();
    await front.close();
    await proxy.close();
  }
});
