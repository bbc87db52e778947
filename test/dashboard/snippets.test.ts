/** What a new source offers to paste works as it stands: in a page, in a program, in a shell. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { ROOT, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

describe('snippets', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    server = await startTestServer();
    browser = await startDashboardBrowser();
    dashboard = await browser.newDashboard(server);
    const { page, open } = dashboard;
    await open('/sources');
    await page.getByRole('button', { name: 'New source' }).click();
    await page.getByLabel('Name').fill('Pasted');
    await page.getByRole('button', { name: 'Create source' }).click();
    await page.getByText('Waiting for the first event').waitFor();
  });
  after(async () => {
    await browser.close();
    await server.stop();
  });

  const snippet = async (name: string): Promise<string> => {
    await dashboard.page.getByRole('button', { name, exact: true }).click();
    const box = dashboard.page.getByLabel(`${name} snippet`, { exact: true });
    return (await box.textContent()) ?? '';
  };
  const eventOf = async (type: string, agent: string) => {
    const rows = await server.sqlUntil(
      `select event, context->'library'->>'name' as library
       from events where source = 'pasted' and type = '${type}'`,
      (found) => found.some(({ library }) => String(library ?? 'none').includes(agent)),
    );
    return rows.find(({ library }) => String(library ?? 'none').includes(agent));
  };

  test('the web snippet loads the SDK from here and sends a page', async () => {
    const text = await snippet('Web');
    const site: Server = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end(`<!doctype html><html><head><title>Shop</title>${text}</head></html>`);
    });
    await once(site.listen(0, '127.0.0.1'), 'listening');
    try {
      const context = await dashboard.page.context().browser()?.newContext();
      assert.ok(context);
      const page = await context.newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(new URL(request.url()).hostname));
      await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
      await eventOf('page', 'analytics.js');
      assert.deepEqual([...new Set(asked)], ['127.0.0.1']);
      await context.close();
    } finally {
      site.close();
      site.closeAllConnections();
    }
  });

  test('the Node snippet runs', async () => {
    // Below the checkout, where the SDK is installed.
    const folder = join(ROOT, 'node_modules/.cache', `snippet-${process.pid}`);
    await mkdir(folder, { recursive: true });
    try {
      await writeFile(join(folder, 'app.mjs'), await snippet('Node'));
      const child = spawn(process.execPath, ['app.mjs'], { cwd: folder, stdio: 'inherit' });
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      const event = await eventOf('track', '@segment/analytics-node');
      assert.equal(event?.['event'], 'Signed Up');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('the curl command runs in a shell', async (t) => {
    const child = spawn('sh', ['-c', await snippet('curl')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code === 127) return t.skip('there is no curl');
    assert.equal(output, '{"success":true}');
    const event = await eventOf('track', 'none');
    assert.equal(event?.['event'], 'Signed Up');
    return undefined;
  });

  test('each snippet has the key and the host', async () => {
    const { page, assertClean } = dashboard;
    const key = (await page.getByLabel('write key', { exact: true }).textContent()) ?? '';
    const names = await page.getByRole('group', { name: 'Language' }).getByRole('button').all();
    assert.ok(names.length >= 9);
    for (const name of names) {
      const text = await snippet((await name.textContent()) ?? '');
      assert.ok(text.includes(key), text);
      assert.ok(text.includes(new URL(server.url).port), text);
    }
    assertClean();
  });
});
