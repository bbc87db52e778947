/**
 * Drives an SDK for browsers in Chromium: `<sdk> <host> <write key> <scenario> <count>`. The page is a
 * customer's: the SDK as its package gives it, bundled, and nothing else.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { specialProperties } from './scenario.mjs';

/** No request for this long means that the SDK has given up. */
const QUIET_MS = 20_000;
const END_MS = 200_000;
/** What no SDK tries again. */
const FINAL = new Set([200, 400, 401, 404]);

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
/** Events whose request has an answer that ends it. */
let ended = 0;
page.on('response', (response) => {
  const request = response.request();
  if (request.method() !== 'POST' || !FINAL.has(response.status())) return;
  ended += request.postDataJSON()?.batch?.length ?? 1;
});
async function untilEnded(expected) {
  const endMs = performance.now() + END_MS;
  const isQuiet = () => performance.now() - lastMs > QUIET_MS;
  while (ended < expected && !isQuiet() && performance.now() < endMs) {
    await page.waitForTimeout(50);
  }
}

await page.goto(`http://localhost:${site.address().port}/`);
await page.evaluate((asked) => window.startSdk(asked), { host, writeKey, scenario });
await page.evaluate(
  async ([name, most, properties]) => {
    const analytics = window.analytics;
    const pause = (ms = 10) => new Promise((resolve) => setTimeout(resolve, ms));
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
        const sent = analytics.track('Numbered', { n });
        if (name === 'paced') await pause();
        else if (n % 20 === 19) await Promise.race([sent, pause(200)]);
      }
    }
  },
  [scenario, Number(count), specialProperties()],
);
await untilEnded(['values', 'refused'].includes(scenario) ? 2 : Number(count));
await browser.close();
site.close();
