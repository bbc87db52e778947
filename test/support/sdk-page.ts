/**
 * A customer's site with a browser SDK from npm in its page, and a browser that reaches nothing but
 * this machine: what an SDK sends elsewhere by default fails, and is seen.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { toolchain } from '../../scripts/toolchains.ts';
import { ROOT } from './test-server.ts';

const found = await toolchain('chromium');
/** Why this machine cannot run a browser, or false; for the `skip` of tests. */
export const sdkPageSkip: string | false = found.ok ? false : found.reason;

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

export interface Visit {
  page: Page;
  /** Every host that the page asked for anything, the site's own excepted. */
  hosts: Set<string>;
}

export interface SdkSite {
  url: string;
  /** Opens the page with a storage of its own; `html` stands for the site's own page. */
  visit(html?: string): Promise<Visit>;
  close(): Promise<void>;
}

/** @param html what the site answers, unless a visit says otherwise. */
export async function startSdkSite(html: string): Promise<SdkSite> {
  assert.ok(found.ok);
  const browser = await chromium.launch({ executablePath: found.chromium, args: ARGUMENTS });
  let shown = html;
  const site = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(shown);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', () => done()));
  const url = `http://localhost:${(site.address() as AddressInfo).port}/`;
  return {
    url,
    async visit(own) {
      shown = own ?? html;
      const page = await (await browser.newContext()).newPage();
      const hosts = new Set<string>();
      page.on('request', (request) => {
        const { host, protocol } = new URL(request.url());
        if (protocol.startsWith('http') && host !== new URL(url).host) hosts.add(host);
      });
      await page.goto(url);
      return { page, hosts };
    },
    async close() {
      await browser.close();
      site.close();
    },
  };
}

/** A page with a script (of `test/fixtures`, or anywhere) and what that imports from npm. */
export async function bundledPage(fixture: string): Promise<string> {
  const built = await build({
    root: ROOT,
    configFile: false,
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      lib: { entry: resolve(ROOT, 'test/fixtures', fixture), formats: ['iife'], name: 'page' },
    },
  });
  const [first] = [built].flat();
  assert.ok(first && 'output' in first);
  const script = first.output[0].code.replaceAll('</script', '<\\/script');
  return `<!doctype html><html><body>shop<script>${script}</script></body></html>`;
}
