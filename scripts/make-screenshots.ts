/**
 * Makes the pictures of README and docs from a real server: `node scripts/run.mjs
 * scripts/make-screenshots.ts`. Needs Chromium.
 */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { CLI, NODE_FLAGS, ROOT, startTestServer } from '../test/support/test-server.ts';
import { buildWeb } from './build-web.ts';
import { drawDashboard } from './dashboard-screenshots.ts';
import { toolchain } from './toolchains.ts';

const QUERY = `select event, count(*) as n, count(distinct user_id) as users
from events where type = 'track' group by all order by n desc`;

const found = await toolchain('chromium');
if (!found.ok) throw new Error(found.reason);
const folder = join(ROOT, 'docs/images');
await mkdir(folder, { recursive: true });
const server = await startTestServer({
  config: { sources: [{ name: 'Shop', slug: 'shop', writeKeys: ['testWriteKey0123456789'] }] },
});
try {
  const args = [CLI, 'tail', '--config', server.configFile, '--count', '7'];
  const child = spawn(process.execPath, [...NODE_FLAGS, ...args], { cwd: server.folder });
  let tail = '';
  child.stdout.on('data', (chunk: Buffer) => (tail += chunk.toString()));
  await sleep(700);
  await sendEvents();
  for (let waited = 0; child.exitCode === null && waited < 50; waited++) await sleep(100);
  child.kill();
  const sql = await server.cli('sql', QUERY);
  const verified = await server.cli('verify');
  const lines = [
    '$ npx millrace tail',
    tail.trimEnd(),
    '',
    `$ npx millrace sql "${QUERY.replace('\n', '\n    ')}"`,
    sql.stdout.trimEnd(),
    '',
    '$ npx millrace verify',
    verified.stdout.trimEnd().split('\n').at(-1) ?? '',
  ];
  await buildWeb();
  await draw(lines.join('\n'));
} finally {
  await server.stop();
}

async function sendEvents(): Promise<void> {
  const track = (event: string, userId: string, properties: unknown) =>
    server.post('/v1/track', { event, userId, properties });
  await server.post('/v1/identify', { userId: 'ada', traits: { plan: 'pro', city: 'London' } });
  await server.post('/v1/page', {
    userId: 'ada',
    name: 'Pricing',
    properties: { path: '/pricing' },
  });
  await track('Product Viewed', 'ada', { sku: 'mill-1', price: 49 });
  await track('Product Viewed', 'grace', { sku: 'mill-2', price: 89 });
  await track('Order Completed', 'ada', { orderId: 'o-1041', total: 49, currency: 'EUR' });
  await server.post('/v1/track', { userId: 'grace', properties: { total: 12 } });
  await track('Order Completed', 'grace', { orderId: 'o-1042', total: 138, currency: 'EUR' });
}

function coloured(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/^\$.*$/gm, '<span style="color:#7fd1b9">$&</span>')
    .replace(/^.*✗.*$/gm, '<span style="color:#ff8f6b">$&</span>');
}

async function draw(text: string): Promise<void> {
  if (!found.ok) return;
  const browser = await chromium.launch({ executablePath: found.chromium, args: ['--no-sandbox'] });
  const page = await browser.newPage({
    viewport: { width: 1120, height: 640 },
    deviceScaleFactor: 2,
  });
  await page.setContent(
    `<body style="margin:0;background:#0f1419"><pre style="margin:0;padding:28px;color:#d5dbe3;
      font:15px/1.45 ui-monospace,'DejaVu Sans Mono',monospace">${coloured(text)}</pre></body>`,
  );
  const box = await page.locator('pre').boundingBox();
  await page.screenshot({
    path: join(folder, 'terminal.png'),
    clip: { x: 0, y: 0, width: 1120, height: Math.ceil(box?.height ?? 640) },
  });
  await drawDashboard(await browser.newPage(), join(folder, 'dashboard'));
  await browser.close();
}
