/** The dashboard in a real browser: signed in, watched for what it must never do. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { buildWeb } from '../../scripts/build-web.ts';
import { toolchain } from '../../scripts/toolchains.ts';
import type { TestServer } from './test-server.ts';
import { until } from './until.ts';

const found = await toolchain('chromium');
/** A reason why this machine cannot run a browser, or false; for the `skip` of tests. */
export const browserSkip: string | false = found.ok ? false : found.reason;
// Before any server starts: it loads the files once.
if (found.ok) await buildWeb();

const PHONE = { width: 360, height: 740 };
const NARROW_MS = 5_000;
const DESK = { width: 1280, height: 900 };

export interface Dashboard {
  page: Page;
  /** Opens a path below `/app`, and waits until its view is there. */
  open(path: string): Promise<void>;
  /** Nothing was asked of other hosts, no policy was violated, no script of an event ran. */
  assertClean(): void;
  /** No serious finding of accessibility in either theme, and no sideways scroll on a phone. */
  assertAccessible(what: string): Promise<void>;
  close(): Promise<void>;
}

export interface DashboardBrowser {
  /** A page of its own, signed in with the admin token unless `token` is null. */
  newDashboard(server: TestServer, options?: { token?: string | null }): Promise<Dashboard>;
  /** For `afterEach`: a page that stays open goes on asking its server, beside all later tests. */
  closeDashboards(): Promise<void>;
  close(): Promise<void>;
}

export async function startDashboardBrowser(): Promise<DashboardBrowser> {
  assert.ok(found.ok);
  const browser = await chromium.launch({
    executablePath: found.chromium,
    args: ['--no-sandbox'],
  });
  return {
    newDashboard: (server, options = {}) => openDashboard(browser, server, options.token),
    closeDashboards: async () => {
      await Promise.all(browser.contexts().map((context) => context.close()));
    },
    close: () => browser.close(),
  };
}

async function openDashboard(
  browser: Browser,
  server: TestServer,
  token: string | null = server.token,
): Promise<Dashboard> {
  const context = await browser.newContext({ viewport: DESK, acceptDownloads: true });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const offences: string[] = [];
  page.on('dialog', (dialog) => {
    if (dialog.type() === 'alert') offences.push(`alert: ${dialog.message()}`);
    void dialog.accept();
  });
  page.on('pageerror', (error) => offences.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) offences.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    const isOurs = host === new URL(server.adminUrl).host;
    if (protocol.startsWith('http') && !isOurs) offences.push(`asked ${request.url()}`);
  });
  if (token !== null) {
    await page.goto(`${server.adminUrl}/#token=${token}`);
    await page.waitForSelector('main h1');
  }
  return {
    page,
    async open(path) {
      await page.goto(`${server.adminUrl}/app${path}`);
      await page.waitForSelector('main h1');
    },
    assertClean: () => assert.deepEqual(offences, []),
    assertAccessible: (what) => assertAccessible(page, what),
    close: () => context.close(),
  };
}

async function assertAccessible(page: Page, what: string): Promise<void> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const theme of ['light', 'dark']) {
    await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
    // Evaluated by the debugger, which the page's policy does not bind.
    await page.evaluate(axe);
    const violations = await page.evaluate(async () => {
      const { axe: engine } = globalThis as unknown as {
        axe: { run(): Promise<{ violations: Violation[] }> };
      };
      interface Violation {
        id: string;
        impact: string;
        nodes: { html: string; failureSummary: string }[];
      }
      return (await engine.run()).violations.map(({ id, impact, nodes }) => ({
        id,
        impact,
        where: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`),
      }));
    });
    const serious = violations.filter(({ impact }) => /serious|critical/.test(impact));
    assert.deepEqual(serious, [], `${what}, ${theme}`);
  }
  await page.setViewportSize(PHONE);
  // Charts follow the width a moment later; what is too wide for good stays so. Asked from here:
  // the page's policy keeps the browser from looking a second time by itself.
  let width = 0;
  const fits = async (): Promise<boolean> => {
    width = Number(await page.evaluate('document.documentElement.scrollWidth'));
    return width <= PHONE.width;
  };
  await until('it fits', fits, NARROW_MS).catch(() => undefined);
  await page.setViewportSize(DESK);
  assert.ok(width <= PHONE.width, `${what}: ${width} pixels wide on a phone`);
}
