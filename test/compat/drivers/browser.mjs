/**
 * Drives an SDK for browsers in Chromium: `<sdk> <host> <write key> <scenario> <count>`. The page is a
 * customer's: the SDK as its package gives it, bundled, and nothing else.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { specialProperties } from './scenario.mjs';

/** No request for this long means that nothing is being retried. */
const QUIET_MS = 6_000;
const END_MS = 90_000;

const [sdk, host, writeKey, scenario, count] = process.argv.slice(2);
const folder = process.env.MILLRACE_COMPAT_MODULES ?? process.cwd();

async function bundle() {
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    resolve: { alias: { sdk: join(folder, 'node_modules', process.env.MILLRACE_SDK) } },
    build: {
      write: false,
      lib: {
        entry: join(import.meta.dirname, `browser-${sdk}.mjs`),
        formats: ['iife'],
        name: 'page',
      },
    },
  });
  return [built].flat()[0].output[0].code.replaceAll('</script', '<\\/script');
}

const html = `<!doctype html><html><body>shop<script>${await bundle()}</script></body></html>`;
const site = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
  response.end(html);
});
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
const browser = await chromium.launch({
  executablePath: process.env.MILLRACE_COMPAT_CHROMIUM,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
const page = await browser.newPage();
page.on('console', (message) => console.log(message.text()));
page.on('pageerror', (error) => console.log(error.message));
let lastMs = performance.now();
const noteRequest = () => (lastMs = performance.now());
for (const event of ['request', 'requestfinished', 'requestfailed']) page.on(event, noteRequest);
/** Until the SDK has come to an end with what it was given, as far as one can see. */
async function untilQuiet() {
  const endMs = performance.now() + END_MS;
  while (performance.now() - lastMs < QUIET_MS && performance.now() < endMs) {
    await page.waitForTimeout(100);
  }
}

await page.goto(`http://localhost:${site.address().port}/`);
await page.evaluate((asked) => window.startSdk(asked), { host, writeKey, scenario });
await page.evaluate(
  async ([name, most, properties]) => {
    const analytics = window.analytics;
    const pause = () => new Promise((resolve) => setTimeout(resolve, 10));
    if (name === 'six') {
      await analytics.identify('u1', { plan: 'pro' });
      await analytics.track('Order Completed', { total: 9.5 });
      await analytics.page('Home', { path: '/' });
      await analytics.screen?.('Start');
      await analytics.group?.('g1', { name: 'Acme' });
      await analytics.alias?.('u1', 'a1');
    } else if (name === 'values') {
      await analytics.identify('42');
      await analytics.track('Values', properties);
    } else if (name === 'refused') {
      void analytics.track('Large', { text: 'x'.repeat(4000) });
      for (let n = 0; n < 200; n++) await pause();
      void analytics.track('Small');
    } else {
      for (let n = 0; n < most; n++) {
        void analytics.track('Numbered', { n });
        if (name === 'paced') await pause();
      }
    }
  },
  [scenario, Number(count), specialProperties()],
);
await untilQuiet();
await browser.close();
site.close();
