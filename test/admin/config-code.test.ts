/** Configuration as code: export, plan, apply, on running and stopped servers. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { runCli, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

const KEY = 'exportedWriteKey0123456789';
const SECRET = 'canary-secret-71c3';

interface Document {
  version: number;
  sources: Record<string, unknown>[];
  destinations: Record<string, unknown>[];
  users: Record<string, unknown>[];
  alerts: Record<string, unknown>[];
}

interface Plan {
  applied: boolean;
  changes: {
    action: string;
    kind: string;
    name: string;
    fields: { field: string; before: unknown; after: unknown }[];
  }[];
}

const WANTED = {
  version: 1,
  sources: [
    {
      slug: 'shop',
      name: 'Shop',
      environment: 'staging',
      limits: { requestsPerSecond: 500 },
      ip: 'truncate',
      writeKeys: [{ key: '${SHOP_KEY}' }],
      labels: [{ key: 'team', value: 'web' }],
    },
  ],
  destinations: [
    {
      slug: 'hook',
      name: 'Hook',
      type: 'webhook',
      state: 'paused',
      sources: ['shop'],
      settings: { url: 'https://example.com/', sharedSecret: '${HOOK_SECRET}' },
      consentCategories: ['ads'],
      filters: [{ if: "event = 'Noise'", actions: [{ type: 'drop' }] }],
    },
  ],
  users: [
    { email: 'ada@example.com', name: 'Ada', role: 'owner' },
    {
      email: 'kept@example.com',
      role: 'member',
      sources: { read: ['shop'], write: [] },
      enabled: false,
    },
  ],
  alerts: [
    {
      name: 'Shop is silent',
      watch: { kind: 'silence', source: 'shop', minutes: 30 },
      channels: [{ type: 'slack', url: '${SLACK_URL}' }],
    },
  ],
};

describe('configuration as code', () => {
  let server: TestServer;
  let other: TestServer;
  before(async () => {
    const config = { sources: [] };
    [server, other] = await Promise.all([startTestServer({ config }), startTestServer({ config })]);
  });
  after(async () => {
    await Promise.all([server.stop(), other.stop()]);
  });

  const env = { SHOP_KEY: KEY, HOOK_SECRET: SECRET, SLACK_URL: `https://example.com/${SECRET}` };

  async function run(on: TestServer, document: unknown, ...args: string[]) {
    const file = join(on.folder, 'wanted.yaml');
    await writeFile(file, typeof document === 'string' ? document : stringify(document));
    const command = ['apply', file, ...args, '--config', on.configFile];
    const result = await runCli(command, { cwd: on.folder, env });
    return result;
  }

  async function apply(on: TestServer, document: unknown, ...args: string[]): Promise<Plan> {
    const { code, stdout, stderr } = await run(on, document, '--json', ...args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Plan;
  }

  async function exported(on: TestServer): Promise<Document> {
    const { code, stdout, stderr } = await on.cli('export');
    assert.equal(code, 0, stderr);
    assert.ok(!stdout.includes(SECRET) && !stdout.includes(KEY), 'no secret is exported');
    return parse(stdout) as Document;
  }

  const linesOf = ({ changes }: Plan) =>
    changes.map(({ action, kind, name }) => {
      return `${action} ${kind} ${name.split(' ')[0] ?? ''}`;
    });

  test('a dry run says what would change, and changes nothing', async () => {
    const empty = await exported(server);
    const plan = await apply(server, WANTED, '--dry-run');
    assert.equal(plan.applied, false);
    assert.deepEqual(linesOf(plan), [
      'create source shop',
      'create write key shop',
      'create destination hook',
      'create user ada@example.com',
      'create user kept@example.com',
      'create alert rule Shop',
    ]);
    assert.deepEqual(await exported(server), empty);
    const audit = await fetch(`${server.adminUrl}/admin/audit`, {
      headers: { Authorization: `Bearer ${server.token}` },
    });
    assert.deepEqual(await audit.json(), []);
  });

  test('applying makes it so, and a second time changes nothing', async () => {
    assert.equal((await apply(server, WANTED)).applied, true);
    assert.deepEqual((await apply(server, WANTED)).changes, []);
    const { stdout } = await run(server, WANTED);
    assert.match(stdout, /No changes/);
    const ofAVersionBefore = structuredClone(WANTED) as { sources: object[] };
    ofAVersionBefore.sources.push({ slug: 'millrace-canary', name: 'Canary of Millrace' });
    assert.deepEqual((await apply(server, ofAVersionBefore)).changes, []);
    const sent = await server.post('/v1/track', { userId: 'u', event: 'E' }, basic(KEY));
    assert.equal(sent.status, 200, 'the collectors know the key');
  });

  test('an export applied to another server gives the same export, and its keys work', async () => {
    const document = await exported(server);
    const settings = { url: 'https://example.com/', sharedSecret: '••••••' };
    assert.deepEqual(document.destinations[0]?.['settings'], settings);
    const refused = await run(other, document, '--prune');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /destinations\[0\]\.settings\.sharedSecret: is masked/);
    const withSecret = structuredClone(document);
    Object.assign(withSecret.destinations[0]?.['settings'] as object, {
      sharedSecret: '${HOOK_SECRET}',
    });
    assert.match((await run(other, withSecret)).stderr, /alerts\[0\]/, 'its address is masked');
    Object.assign(withSecret.alerts[0] ?? {}, { channels: WANTED.alerts[0]?.channels });
    await apply(other, withSecret, '--prune');
    assert.deepEqual(await exported(other), document);
    assert.deepEqual((await apply(other, document, '--prune')).changes, [], 'masks stay');
    const sent = await other.post('/v1/track', { userId: 'u', event: 'E' }, basic(KEY));
    assert.equal(sent.status, 200);
  });

  test('drift is shown field by field, secrets masked', async () => {
    const document = await exported(server);
    const drifted = structuredClone(document);
    Object.assign(drifted.destinations[0] ?? {}, {
      state: 'enabled',
      settings: { url: 'https://example.com/new', sharedSecret: 'another-canary-9a' },
    });
    Object.assign(drifted.sources.find(({ slug }) => slug === 'shop') ?? {}, {
      limits: {},
      labels: [{ key: 'team', value: 'app' }],
    });
    Object.assign(drifted.alerts[0] ?? {}, { repeatHours: 2 });
    const plan = await apply(server, drifted, '--dry-run');
    const fields = plan.changes.flatMap(({ name, fields: own }) =>
      own.map(({ field, before: old, after: next }) => [name, field, old, next]),
    );
    assert.deepEqual(fields, [
      ['shop', 'limits', { requestsPerSecond: 500 }, {}],
      ['shop', 'labels', [{ key: 'team', value: 'web' }], [{ key: 'team', value: 'app' }]],
      ['hook', 'state', 'paused', 'enabled'],
      ['hook', 'settings.url', 'https://example.com/', 'https://example.com/new'],
      ['hook', 'settings.sharedSecret', '••••••', '••••••'],
      ['Shop is silent', 'repeatHours', 24, 2],
    ]);
    const { stdout } = await run(server, drifted, '--dry-run');
    assert.match(stdout, /~ destination hook\n {4}state: paused → enabled/);
    assert.ok(!stdout.includes('another-canary'));
    assert.deepEqual(await exported(server), document, 'nothing changed');
  });

  async function refusal(document: unknown): Promise<string> {
    const response = await fetch(`${server.adminUrl}/admin/apply`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${server.token}` },
      body: JSON.stringify({ document }),
    });
    assert.ok(!response.ok);
    return ((await response.json()) as { message: string }).message;
  }

  test('a document with one wrong field changes nothing, and the field is named', async () => {
    const document = await exported(server);
    const wrong: [change: (copy: Document) => void, field: RegExp][] = [
      [
        ({ destinations: [hook] }) => Object.assign(hook ?? {}, { stat: 'x' }),
        /destinations\[0\]\.stat/,
      ],
      [
        ({ destinations: [hook] }) => Object.assign(hook ?? {}, { settings: { url: 'no' } }),
        /destinations\[0\]\.(settings\.)?url/,
      ],
      [
        ({ sources: [first] }) => Object.assign(first ?? {}, { region: 'eu' }),
        /sources\[0\]\.region/,
      ],
      [({ users: [first] }) => Object.assign(first ?? {}, { role: 'king' }), /users\[0\]\.role/],
      [
        ({ users: [first] }) => Object.assign(first ?? {}, { role: 'viewer' }),
        /users\[0\]\.role: Somebody/,
      ],
      [({ sources }) => sources.push({ ...sources[0] }), /sources\[2\]\.slug: .* twice/],
    ];
    for (const [change, field] of wrong) {
      const copy = structuredClone(document);
      change(copy);
      // Is made before a wrong destination or user is reached.
      copy.sources.push({ slug: 'a-new-one', name: 'New' });
      assert.match(await refusal(copy), field);
    }
    const unset = { version: 1, sources: [{ slug: 's', writeKeys: [{ key: '${NOT_SET}' }] }] };
    const { code, stderr } = await run(server, unset);
    assert.equal(code, 1);
    assert.match(stderr, /sources\[0\]\.writeKeys\[0\]\.key: the environment has no NOT_SET/);
    assert.equal((await run(server, 'version: [')).code, 1);
    assert.deepEqual(await exported(server), document);
  });

  test('what the document does not name stays, and goes with --prune', async () => {
    const document = await exported(server);
    const shorter = {
      ...document,
      destinations: [],
      users: document.users.filter(({ role }) => role === 'owner'),
      alerts: [],
      sources: [{ slug: 'default', writeKeys: [] }],
    };
    assert.deepEqual((await apply(server, shorter)).changes, []);
    const plan = await apply(server, shorter, '--prune');
    assert.deepEqual(linesOf(plan).toSorted(), [
      'delete alert rule Shop',
      'delete destination hook',
      'delete source shop',
      'delete user kept@example.com',
      'delete write key default',
    ]);
    assert.deepEqual((await apply(server, shorter, '--prune')).changes, []);
    const left = await exported(server);
    assert.deepEqual(left.destinations, []);
    const sent = await server.post('/v1/track', { userId: 'u', event: 'E' }, basic(KEY));
    assert.equal(sent.status, 401, 'a source that ended takes nothing');
    assert.deepEqual((await apply(server, { version: 1 }, '--prune')).changes, [], 'no section');
  });

  test('each change is in the audit log, by whom, without secrets', async () => {
    const response = await fetch(`${server.adminUrl}/admin/audit`, {
      headers: { Authorization: `Bearer ${server.token}` },
    });
    const text = await response.text();
    const entries = JSON.parse(text) as { action: string; actor: { type: string; name: string } }[];
    assert.ok(entries.length >= 9, text);
    assert.ok(entries.every(({ actor }) => actor.type === 'config'));
    assert.equal(entries[0]?.actor.name, 'configuration by admin token');
    assert.ok(entries.some(({ action }) => action === 'Destination Deleted'));
    assert.ok(!text.includes(SECRET) && !text.includes(KEY));
  });

  test('only admins may, and only owners make owners', async () => {
    const token = async (role: string) => {
      const { stdout } = await server.cli('tokens', 'create', role, '--role', role, '--json');
      return (JSON.parse(stdout) as { token: string }).token;
    };
    const post = async (role: string, users: object[]) => {
      const response = await fetch(`${server.adminUrl}/admin/apply`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${await token(role)}` },
        body: JSON.stringify({ document: { version: 1, users } }),
      });
      return response.status;
    };
    const viewer = { email: 'v@example.com', role: 'viewer' };
    assert.equal(await post('member', [viewer]), 403);
    assert.equal(await post('admin', [viewer]), 200);
    assert.equal(await post('admin', [{ ...viewer, role: 'owner' }]), 403);
    assert.equal(await post('admin', [{ email: 'ada@example.com', role: 'viewer' }]), 403);
    const off = { email: 'ada@example.com', role: 'owner', enabled: false };
    assert.equal(await post('admin', [off]), 403);
  });

  test('it works on a stopped server as well', async () => {
    await server.terminate();
    const file = join(server.folder, 'kept.yaml');
    const written = await server.cli('export', '--output', file);
    assert.equal(written.code, 0, written.stderr);
    const document = parse(await readFile(file, 'utf8')) as Document;
    const users = [...document.users, { email: 'late@example.com', role: 'viewer' }];
    assert.deepEqual(linesOf(await apply(server, { ...document, users })), [
      'create user late@example.com',
    ]);
    assert.equal((await exported(server)).users.length, users.length);
  });
});

function basic(key: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` };
}
