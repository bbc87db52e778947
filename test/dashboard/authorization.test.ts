/**
 * Signing in at the service of a destination: a browser, a real OAuth server, and a service that
 * asks that server about every token it gets.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { browserSkip, startDashboardBrowser } from '../support/dashboard-browser.ts';
import type { Dashboard, DashboardBrowser } from '../support/dashboard-browser.ts';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startOidcIssuer } from '../support/oidc-issuer.ts';
import type { OidcIssuer } from '../support/oidc-issuer.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const MAIL = {
  username: 'who',
  userPassword: 'what',
  profileListName: 'list',
  subscriptions: [{ partnerAction: 'upsertListMember', subscribe: 'type = "identify"' }],
};
const net = { allow: ['127.0.0.1'] };

describe('signing in at the service of a destination', { skip: browserSkip }, () => {
  let server: TestServer;
  let issuer: OidcIssuer;
  let service: FakeService;
  let browser: DashboardBrowser;
  let dashboard: Dashboard;
  before(async () => {
    browser = await startDashboardBrowser();
    service = await startFakeService();
    service.answerWith(({ path }) => ({ status: path.endsWith('/auth/token') ? 401 : 200 }));
    server = await startTestServer({ config: { net } });
    issuer = await startOidcIssuer(`${server.adminUrl}/app/authorized`, {
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token'],
    });
    issuer.setPerson({ sub: 'ada' });
    dashboard = await browser.newDashboard(server);
  });
  after(async () => {
    await browser.close();
    await server.stop();
    await issuer.stop();
    await service.close();
  });

  const admin = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${server.adminUrl}/admin/${path}`, {
      method,
      headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const addMail = () =>
    admin('POST', 'destinations', {
      name: 'Mail',
      slug: 'mail',
      type: 'actions-responsys',
      settings: {
        ...MAIL,
        baseUrl: service.url,
        oauth: { clientId: 'typed later', clientSecret: 'typed later' },
      },
      delivery: { batchEvents: 1 },
    });
  const identify = (userId: string): Promise<Response> =>
    server.post('/v1/identify', { userId, traits: { email: `${userId}@b.example` } });
  const tokens = (): string[] =>
    service.requests
      .filter(({ path }) => path.includes('/lists/'))
      .map(({ headers }) => headers.authorization ?? '');

  test('the tokens that come of it deliver what waited', async () => {
    const { page, open, assertAccessible } = dashboard;
    assert.equal((await addMail()).status, 201);
    await open('/destinations/mail/settings');
    await page.getByText('Nobody has signed in').waitFor();
    await page.getByText('Addresses, scopes and tokens').click();
    await page.getByLabel('Client id').fill(issuer.clientId);
    await page.getByLabel('Client secret').fill(issuer.clientSecret);
    await page.getByLabel('Sign-in address').fill(`${issuer.url}/auth?prompt=consent`);
    await page.getByLabel('Token address').fill(`${issuer.url}/token`);
    await page.getByLabel('Scopes').fill('openid offline_access');
    await assertAccessible('the form of an OAuth application');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved').waitFor();
    assert.equal((await identify('ada')).status, 200);
    await page.getByRole('button', { name: 'Sign in at the service' }).click();
    await page.waitForURL('**/app/destinations/mail');
    await open('/destinations/mail/settings');
    await page.getByText(/signed in at the service/).waitFor();
    assert.ok(!(await page.content()).includes(issuer.clientSecret), 'secrets stay away');

    await until('the event arrives with a token', () =>
      tokens().some((token) => token.length > 20),
    );
    const last = tokens().at(-1) ?? '';
    const who = await fetch(`${issuer.url}/me`, { headers: { Authorization: `Bearer ${last}` } });
    assert.equal(who.status, 200, 'the OAuth server gave this token');
    const audit = await (await admin('GET', 'audit?limit=50')).text();
    assert.match(audit, /Destination Authorized/);
    assert.ok(!audit.includes(last), 'no token in the audit log');
  });

  const authorization = async (): Promise<unknown> => {
    const all = (await (await admin('GET', 'destinations')).json()) as Record<string, unknown>[];
    return all.find(({ slug }) => slug === 'mail')?.['authorization'];
  };

  test('it outlives a kill, and ends when another application is entered', async () => {
    const earlier = tokens().length;
    await server.kill();
    server = await startTestServer({ config: { net }, folder: server.folder });
    assert.equal((await identify('bea')).status, 200);
    await until('the next arrives', () => tokens().length > earlier);
    assert.ok((tokens().at(-1) ?? '').length > 20);
    assert.partialDeepStrictEqual(await authorization(), { authorizedBy: 'admin token' });
    const oauth = { clientId: 'another', clientSecret: 's' };
    const settings = { ...MAIL, baseUrl: service.url, oauth };
    assert.equal((await admin('PATCH', 'destinations/mail', { settings })).status, 200);
    assert.equal(await authorization(), null);
  });

  test('nobody finishes what another began, what was made up, or what the service denies', async () => {
    const oauth = {
      clientId: issuer.clientId,
      clientSecret: issuer.clientSecret,
      authorizationUrl: `${issuer.url}/auth`,
      tokenUrl: `${issuer.url}/token`,
    };
    const settings = { ...MAIL, baseUrl: service.url, oauth };
    assert.equal((await admin('PATCH', 'destinations/mail', { settings })).status, 200);
    const asked = { origin: server.adminUrl };
    const begun = await admin('POST', 'destinations/mail/authorization', asked);
    const { url } = (await begun.json()) as { url: string };
    const state = new URL(url).searchParams.get('state') ?? '';
    const finish = async (search: string, token = server.token): Promise<string> => {
      const answer = await fetch(`${server.adminUrl}/admin/authorizations`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ search }),
      });
      return ((await answer.json()) as { code: string }).code;
    };
    const other = await admin('POST', 'tokens', { name: 'other', role: 'admin' });
    const { token } = (await other.json()) as { token: string };
    assert.equal(await finish(`?code=x&state=${state}`, token), 'FORBIDDEN');
    assert.equal(await finish(`?code=x&state=${state.slice(0, -4)}AAAA`), 'FORBIDDEN');
    assert.equal(await finish('?code=x'), 'FORBIDDEN');
    const denied = `?error=access_denied&state=${state}`;
    assert.equal(await finish(denied), 'DESTINATION_TEST_FAILED');
    assert.equal(await finish(`?code=made-up&state=${state}`), 'DESTINATION_TEST_FAILED');
    assert.equal(await authorization(), null);
  });
});
