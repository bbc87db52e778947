/** From nothing to the first event, in a browser, with a real SDK. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Analytics } from '@segment/analytics-node';
import { askAdmin } from '../support/admin-people.ts';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { DashboardBrowser } from '../support/dashboard-browser.ts';
import { basicAuth, ROOT, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const SCRIPT_BYTES_MAX = 150 * 1024;
const HOSTILE = `"><img src=x onerror="alert(1)"><script>alert(2)</script>`;

describe('the dashboard, first steps', { skip: browserSkip }, () => {
  let server: TestServer;
  let browser: DashboardBrowser;
  before(async () => {
    // Builds what the server will read.
    browser = await startDashboardBrowser();
    server = await startTestServer();
  });
  afterEach(() => browser.closeDashboards());
  after(async () => {
    await browser.close();
    await server.stop();
  });

  test('an invited person makes an account, a source, and sees its first event arrive', async () => {
    const { stdout } = await server.cli('users', 'invite', 'ada@example.com', '--json');
    const { url } = JSON.parse(stdout) as { url: string };
    const { page, assertClean, assertAccessible } = await browser.newDashboard(server, {
      token: null,
    });
    await page.goto(url.replace('localhost', '127.0.0.1'));
    await assertAccessible('the invitation');
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('Password').fill('correct horse battery');
    await page.getByRole('button', { name: 'Create account' }).click();
    const views = page.getByRole('navigation', { name: 'Views' });
    await views.waitFor();
    assert.ok(!page.url().includes('invitation'), 'the link is not kept in the address');

    await views.getByRole('link', { name: 'Sources' }).click();
    await page.getByRole('button', { name: 'New source' }).click();
    await page.getByLabel('Name').fill('Web shop');
    await page.getByRole('button', { name: 'Create source' }).click();
    await page.getByText('Waiting for the first event').waitFor();
    const writeKey = (await page.getByLabel('write key', { exact: true }).textContent()) ?? '';
    assert.match(writeKey, /^[A-Za-z0-9]{32}$/);
    await page.getByRole('button', { name: 'Node', exact: true }).click();
    const snippet = (await page.getByLabel('Node snippet', { exact: true }).textContent()) ?? '';
    const [, key, host = ''] = /writeKey: '(\w+)', host: '([^']+)'/.exec(snippet) ?? [];
    assert.equal(key, writeKey);

    const analytics = new Analytics({ writeKey, host: host.replace('localhost', '127.0.0.1') });
    analytics.track({ userId: 'u1', event: 'First Order', properties: { total: 7 } });
    await analytics.closeAndFlush();
    await page.getByText('Events arrive').waitFor();
    await page.getByText('First Order').waitFor();
    await assertAccessible('a source');

    await page.reload();
    await page.getByText('Events arrive').waitFor();
    assert.equal(await page.getByText(writeKey).count(), 0, 'a key is shown once');

    await page.getByRole('link', { name: 'Live events' }).click();
    await page.getByText('connected', { exact: true }).waitFor();
    const later = new Analytics({ writeKey, host: host.replace('localhost', '127.0.0.1') });
    later.track({ userId: 'u1', event: 'Second Order', properties: { total: 8 } });
    await later.closeAndFlush();
    const events = page.getByRole('list', { name: 'Events' });
    await events.getByRole('button', { name: /Second Order.*u1.*web-shop/ }).click();
    await page
      .getByRole('region', { name: 'The chosen event' })
      .getByText(/"total": 8/)
      .waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await assertAccessible('signing in');
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Wrong email or password').waitFor();
    await page.getByLabel('Password').fill('correct horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Live' }).waitFor();
    assert.match(page.url(), /live\?source=web-shop$/, 'one is where one was');
    assertClean();
  });

  test('the latest event leads to its trace only where it has an id', async () => {
    const made = await askAdmin(server, '/sources', { body: { name: 'Nameless' } });
    assert.equal(made.status, 201);
    const { page, open, assertClean } = await browser.newDashboard(server);
    let messageId: string | null = null;
    await page.route('**/latest-event', (route) =>
      route.fulfill({
        json: { latest: { receivedAt: new Date().toISOString(), name: 'Beat', messageId } },
      }),
    );
    await open('/sources/nameless');
    await page.getByText('Events arrive').waitFor();
    const links = page.getByRole('link', { name: 'trace', exact: true });
    assert.equal(await links.count(), 0);
    messageId = 'beat-1';
    await page.reload();
    await links.waitFor();
    assert.match((await links.getAttribute('href')) ?? '', /\/trace\/beat-1$/);
    assertClean();
  });

  test('a key is rotated while events come in: nothing is lost, then the old one is refused', async () => {
    const { page, open, assertClean } = await browser.newDashboard(server);
    const made = await fetch(`${server.adminUrl}/admin/sources`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ name: 'Rotated' }),
    });
    const { writeKey: oldKey } = (await made.json()) as { writeKey: string };
    let [key, sent, isOver] = [oldKey, 0, false];
    const refused: number[] = [];
    const traffic = (async () => {
      while (!isOver) {
        const body = { event: 'Beat', userId: 'u', messageId: `beat-${sent++}` };
        const headers = { Authorization: basicAuth(key) };
        const { status } = await server.post('/v1/track', body, headers);
        if (status !== 200) refused.push(status);
      }
    })();
    await open('/sources/rotated');
    await page.getByRole('button', { name: `Rotate ${oldKey.slice(0, 4)}` }).click();
    await page.getByLabel('The old key ends after').selectOption('1 hour');
    await page.getByRole('button', { name: 'Rotate the key' }).click();
    const fresh = page.getByLabel('write key', { exact: true });
    await fresh.waitFor();
    key = (await fresh.textContent()) ?? '';
    assert.match(key, /^[A-Za-z0-9]{32}$/);
    assert.notEqual(key, oldKey);
    await page.getByText('valid until').waitFor();
    const status = async (own: string): Promise<number> =>
      (
        await server.post(
          '/v1/track',
          { event: 'x', userId: 'u' },
          { Authorization: basicAuth(own) },
        )
      ).status;
    assert.equal(await status(oldKey), 200, 'the old key is valid through the overlap');
    isOver = true;
    await traffic;
    assert.deepEqual(refused, []);
    await server.sqlUntil(
      `select count(distinct message_id)::int as n from events where event = 'Beat'`,
      ([row]) => row?.['n'] === sent,
    );
    await page
      .getByRole('row')
      .filter({ hasText: 'valid until' })
      .getByRole('button', { name: `Disable ${oldKey.slice(0, 4)}` })
      .click();
    await page.getByText('disabled', { exact: true }).first().waitFor();
    for (let tries = 0; (await status(oldKey)) !== 401; tries++) assert.ok(tries < 200);
    assert.equal(await status(key), 200);
    assertClean();
  });

  test('limits and settings are changed in dialogs, which say what is wrong where', async () => {
    const { page, open, assertClean, assertAccessible } = await browser.newDashboard(server);
    await open('/sources/test');
    await page.getByText(/Rate limit in use: \d/).waitFor();
    await page.getByRole('button', { name: 'Change limits' }).click();
    await assertAccessible('a dialog');
    const dialog = page.getByRole('dialog', { name: 'Limits of this source' });
    await dialog.getByLabel('Requests a second').fill('5000');
    await dialog.getByLabel('Bytes of a request').fill('3');
    await dialog.getByRole('button', { name: 'Save limits' }).click();
    const wrong = dialog.locator('[aria-invalid=true]');
    await wrong.waitFor();
    assert.equal(await wrong.inputValue(), '3');
    await wrong.fill('100000');
    await dialog.getByRole('button', { name: 'Save limits' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('definition').getByText('5,000', { exact: true }).waitFor();
    await page.getByText('98 KiB').waitFor();

    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('Environment').selectOption('staging');
    await page.getByRole('button', { name: 'Save settings' }).click();
    await page.locator('.badge', { hasText: 'staging' }).waitFor();
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await page.getByText('disabled', { exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Enable', exact: true }).click();
    await page.getByText('enabled', { exact: true }).first().waitFor();
    assertClean();
  });

  test('a source is deleted when its slug is typed, and is gone from the list', async () => {
    const { page, open, assertAccessible, assertClean } = await browser.newDashboard(server);
    const body = { name: 'Old Shop', slug: 'old-shop' };
    await askAdmin(server, '/sources', { body });
    await open('/sources/old-shop');
    await page.getByRole('button', { name: 'Settings' }).click();
    const remove = page.getByRole('button', { name: 'Delete the source' });
    assert.ok(await remove.isDisabled());
    await page.getByLabel('Type old-shop to delete it').fill('old-shop');
    await assertAccessible('deleting a source');
    await remove.click();
    await page.getByRole('link', { name: 'Test' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Old Shop' }).count(), 0);
    assertClean();
  });

  test('events and refusals are live, can be searched, and their texts are only texts', async () => {
    const { page, open, assertClean, assertAccessible } = await browser.newDashboard(server);
    await open('/live');
    await page.getByText('connected').waitFor();
    await server.post('/v1/track', {
      userId: HOSTILE,
      event: `Hostile ${HOSTILE}`,
      properties: { [HOSTILE]: HOSTILE },
    });
    await server.post('/v1/track', { userId: 'u9', properties: {} });
    const events = page.getByRole('list', { name: 'Events' });
    await events.getByRole('button', { name: /Hostile "><img/ }).click();
    await page.getByText(HOSTILE).first().waitFor();
    await events.getByRole('button', { name: /rejected/ }).click();
    await page
      .getByRole('region', { name: 'The chosen event' })
      .getByText(/event/)
      .first()
      .waitFor();
    await assertAccessible('live events');
    await page.getByLabel('Status').selectOption('rejected');
    await page.waitForURL(/status=rejected/);
    await events.getByText('Hostile').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('paused').waitFor();
    await page.reload();
    assert.equal(
      await page.getByLabel('Status').inputValue(),
      'rejected',
      'filters are in the link',
    );
    assertClean();
  });

  test('the overview shows rates, and what needs attention first', async () => {
    const { page, open, assertClean, assertAccessible } = await browser.newDashboard(server);
    await open('/');
    await page.getByRole('heading', { name: 'Needs attention' }).waitFor();
    await page.getByRole('link', { name: /events of Test were rejected/ }).waitFor();
    await assertAccessible('the overview');
    await page.getByRole('link', { name: /events of Test were rejected/ }).click();
    await page.waitForURL(/live\?source=test&status=rejected/);
    assertClean();
  });

  test('a link that is no good leads to signing in, and says why', async () => {
    const { page, assertClean } = await browser.newDashboard(server, { token: null });
    await page.goto(`${server.adminUrl}/app/sources#token=not-the-token`);
    await page.getByText('This is not the admin token').waitFor();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    assert.ok(!page.url().includes('#'));
    await page.goto('about:blank');
    await page.goto(`${server.adminUrl}/app/#invitation=not-an-invitation`);
    await page.getByText('The link is used up or too old').waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByLabel('Password').waitFor();
    assertClean();
  });

  test('what the browser loads first is small, and other places are not found', async () => {
    const { page, open } = await browser.newDashboard(server);
    const scripts = new Set<string>();
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.endsWith('.js')) scripts.add(pathname.replace('/app/', ''));
    });
    await open('/');
    await page.getByText('Needs attention').waitFor();
    assert.ok(scripts.size > 1, 'the view is a script of its own');
    const folder = join(ROOT, 'web/dist');
    let bytes = 0;
    for (const path of scripts) bytes += gzipSync(await readFile(join(folder, path))).length;
    assert.ok(bytes <= SCRIPT_BYTES_MAX, `${bytes} bytes of script`);
    const [asset = ''] = await readdir(join(folder, 'assets'));
    const answer = await fetch(`${server.adminUrl}/app/assets/${asset}`);
    assert.match(answer.headers.get('cache-control') ?? '', /immutable/);
    const again = await fetch(`${server.adminUrl}/app/assets/${asset}`, {
      headers: { 'If-None-Match': answer.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    const other = await fetch(`${server.adminUrl}/app/assets/..%2f..%2fpackage.json`);
    assert.equal(other.status, 404);
    const view = await fetch(`${server.adminUrl}/app/sources/anything`);
    assert.match(view.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });
});
