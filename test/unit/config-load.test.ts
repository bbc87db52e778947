import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemDisk } from '../../src/base/disk.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { fieldsOf } from '../../src/config/field-tree.ts';
import { loadConfig, parseConfig } from '../../src/config/load-config.ts';
import { maskedConfig } from '../../src/config/masked-config.ts';
import { collectorThreads } from '../../src/config/config-schema.ts';

/** The problems that a configuration is refused for. */
function problems(inputs: Parameters<typeof parseConfig>[0]): string {
  try {
    parseConfig(inputs);
  } catch (error) {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error.message;
  }
  return assert.fail('the configuration was accepted');
}

test('an empty configuration is the documented defaults', () => {
  const config = parseConfig();
  assert.equal(config.dataDir, './data');
  assert.equal(config.collector.port, 8080);
  assert.equal(config.admin.host, '127.0.0.1');
  assert.equal(config.tls, null);
  assert.equal(config.limits.requestBytesMax, 512_000);
  assert.equal(config.limits.eventBytesMax, 32_768);
  assert.equal(config.limits.batchEventsMax, 2_500);
  assert.equal(config.limits.requestsPerSecond, 1_000);
  assert.equal(config.log.segmentBytesMax, 128 * 2 ** 20);
  assert.deepEqual(config.regions, { us: { hosts: [] } });
  assert.deepEqual(config.sources, []);
});

test('the command line wins over the environment, that over the file, that over defaults', () => {
  const written = 'collector: {port: 1, host: 1.1.1.1}\nadmin: {port: 2}\nsql: {rowsMax: 5}';
  const env = { MILLRACE_COLLECTOR_PORT: '3', MILLRACE_ADMIN_PORT: '4' };
  const config = parseConfig({ written, env, overrides: { 'collector.port': 5 } });
  assert.equal(config.collector.port, 5);
  assert.equal(config.admin.port, 4);
  assert.equal(config.sql.rowsMax, 5);
  assert.equal(config.collector.host, '1.1.1.1');
  assert.equal(config.sql.timeoutMs, 30_000);
});

test('an override that is undefined leaves the value alone', () => {
  assert.equal(parseConfig({ overrides: { 'collector.port': undefined } }).collector.port, 8080);
});

test('burst is requestsPerSecond unless it is set', () => {
  assert.equal(parseConfig({ written: 'limits: {requestsPerSecond: 50}' }).limits.burst, 50);
  const both = parseConfig({ written: 'limits: {requestsPerSecond: 50, burst: 70}' });
  assert.equal(both.limits.burst, 70);
});

test('every variable named in the docs sets its field', () => {
  const samples: Record<string, string> = {
    MILLRACE_TLS_CERT: 'cert.pem',
    MILLRACE_TLS_KEY: 'key.pem',
    MILLRACE_OIDC_ISSUER: 'https://login.example',
    MILLRACE_OIDC_CLIENT_ID: 'millrace',
    MILLRACE_OIDC_PUBLIC_URL: 'https://millrace.example',
    MILLRACE_ALERTS_SMTP_HOST: 'mail.example',
    MILLRACE_ALERTS_SMTP_FROM: 'millrace@mail.example',
    MILLRACE_CANARY_ENABLED: 'true',
    MILLRACE_LIMITS_BURST: '7',
    MILLRACE_COLLECTOR_PUBLIC_URL: 'https://events.example',
    MILLRACE_SDK_API_HOST: 'events.example',
    MILLRACE_SDK_HTTP_CONFIG: '{"rateLimitConfig":{"enabled":true}}',
    MILLRACE_LOG_RETENTION_BYTES_MAX: '5GiB',
  };
  const env = Object.fromEntries(
    fieldsOf().map(({ env: name, defaultValue }) => {
      const isText = typeof defaultValue === 'string';
      const sample = samples[name] ?? (isText ? defaultValue : JSON.stringify(defaultValue));
      return [name, sample];
    }),
  );
  const config = parseConfig({ env });
  assert.deepEqual(config.tls, { cert: 'cert.pem', key: 'key.pem' });
  assert.equal(config.oidc?.issuer, 'https://login.example');
  assert.equal(config.alerts.smtp?.host, 'mail.example');
  assert.equal(config.canary.enabled, true);
  assert.equal(config.limits.burst, 7);
  assert.equal(config.log.retentionBytesMax, 5 * 2 ** 30);
  assert.deepEqual(config.sdk.httpConfig, { rateLimitConfig: { enabled: true } });
});

test('lists in variables are separated by commas or written as JSON', () => {
  const expected = ['10.0.0.0/8', 'fd00::/8'];
  for (const value of ['10.0.0.0/8, fd00::/8', '["10.0.0.0/8","fd00::/8"]']) {
    const env = { MILLRACE_COLLECTOR_TRUSTED_PROXIES: value };
    assert.deepEqual(parseConfig({ env }).collector.trustedProxies, expected);
  }
});

test('a number that is text in a variable stays text where text is asked', () => {
  assert.equal(parseConfig({ env: { MILLRACE_WORKSPACE_NAME: '42' } }).workspace.name, '42');
});

test('an empty variable counts as absent', () => {
  assert.equal(parseConfig({ env: { MILLRACE_COLLECTOR_PORT: '' } }).collector.port, 8080);
});

test('variables that Kubernetes sets for a service named millrace are ignored', () => {
  const env = {
    MILLRACE_SERVICE_HOST: '10.1.2.3',
    MILLRACE_SERVICE_PORT_HTTP: '80',
    MILLRACE_PORT: 'tcp://10.1.2.3:80',
    MILLRACE_PORT_80_TCP_ADDR: '10.1.2.3',
    MILLRACE_COLLECTOR_PORT: 'tcp://10.1.2.3:80',
    MILLRACE_COLLECTOR_SERVICE_PORT: '80',
  };
  assert.equal(parseConfig({ env }).collector.port, 8080);
});

test('an unknown key is refused with its path and the key that was meant', () => {
  const message = problems({ written: 'collector: {public_url: "https://a.example"}' });
  assert.match(
    message,
    /^ {2}collector\.public_url: unknown key; did you mean publicUrl\? \(allo/m,
  );
  assert.match(problems({ written: 'limit: {}' }), /limit: unknown key; did you mean limits\?/);
});

test('an unknown variable is refused with the name that was meant', () => {
  const message = problems({ env: { MILLRACE_SQL_ROW_MAX: '5' } });
  assert.match(
    message,
    /MILLRACE_SQL_ROW_MAX: unknown variable; did you mean MILLRACE_SQL_ROWS_MAX/,
  );
});

test('every problem is listed at once, each with its path and what is allowed', () => {
  const message = problems({
    written: 'collector: {port: 70000}\nlogging: {level: loud}\nlake: 4',
    env: { MILLRACE_SQL_ROWS_MAX: 'many' },
  });
  assert.match(message, /collector\.port: 70000 is not allowed \(allowed: integer, 0 to 65535\)/);
  assert.match(message, /logging\.level: "loud" .*\(allowed: silent, error, warn, info, debug\)/);
  assert.match(message, /lake: 4 is not allowed \(allowed: keys flushRows/);
  assert.match(message, /sql\.rowsMax: "many" from MILLRACE_SQL_ROWS_MAX is not allowed/);
});

const REFUSED: [name: string, written: string, expected: RegExp][] = [
  ['a port used twice', 'admin: {port: 8080}', /admin\.port: 8080 is the collector's port/],
  ['tls without key', 'tls: {cert: a.pem}', /tls\.key: is required/],
  ['a public URL with a path', 'collector: {publicUrl: "https://a.example/v1"}', /publicUrl/],
  ['a public URL with a password', 'collector: {publicUrl: "https://u:p@a.example"}', /publicUrl/],
  ['a prefix too long', 'collector: {trustedProxies: [10.0.0.0/33]}', /trustedProxies\[0\]/],
  ['an origin with a path', 'cors: {origins: ["https://a.example/x"]}', /cors\.origins/],
  ['a region that leaves the folder', 'regions: {"../us": {}}', /regions.*not a valid name/],
  ['no region', 'regions: {}', /regions: .* at least one region/],
  [
    'a host of two regions',
    'regions: {us: {hosts: [a.example]}, eu: {hosts: [A.example]}}',
    /regions\.eu\.hosts: a\.example belongs to region us/,
  ],
  ['a slug with capitals', 'sources: [{name: A, slug: Shop}]', /sources\[0\]\.slug: "Shop"/],
  ['a slug twice', 'sources: [{name: A, slug: a}, {name: B, slug: a}]', /sources\[1\]\.slug/],
  [
    'a write key twice',
    'sources: [{name: A, slug: a, writeKeys: [aaaaaaaa]}, {name: B, slug: b, writeKeys: [aaaaaaaa]}]',
    /sources\[1\]\.writeKeys\[0\]: the key is also in sources\[0\]/,
  ],
  [
    "the slug of Millrace's own source",
    'sources: [{name: A, slug: millrace-canary}]',
    /sources\[0\]\.slug: millrace-canary is Millrace's own source/,
  ],
  ['an unknown region', 'sources: [{name: A, slug: a, region: eu}]', /region: eu is not a region/],
  ['a fraction of a byte', 'log: {minFreeBytes: 1.5}', /log\.minFreeBytes: 1\.5/],
  ['a file that is a list', '- a', /must hold keys and values/],
  ['a key written twice', 'sql: {}\nsql: {}', /line 2, column 1/],
  ['a key of the prototype', '__proto__: {port: 1}', /__proto__: unknown key/],
];
for (const [name, written, expected] of REFUSED) {
  test(`refuses ${name}`, () => assert.match(problems({ written }), expected));
}

test('sizes may be written with a unit', () => {
  const config = parseConfig({ written: 'log: {segmentBytesMax: 256MiB, minFreeBytes: 1.5 GB}' });
  assert.equal(config.log.segmentBytesMax, 256 * 2 ** 20);
  assert.equal(config.log.minFreeBytes, 1_500_000_000);
});

test('an empty section is its defaults', () => {
  assert.equal(parseConfig({ written: 'collector:\nsql:\n' }).collector.port, 8080);
});

test('a declared source has the first region unless it names one', () => {
  const written =
    'regions: {eu: {}, us: {}}\nsources: [{name: A, slug: a}, {name: B, slug: b, region: us}]';
  const { sources } = parseConfig({ written });
  assert.deepEqual(
    sources.map(({ region }) => region),
    ['eu', 'us'],
  );
});

test('no message and no printed configuration shows a write key', () => {
  const key = 'secretsecretsecretsecretsecret';
  const invalidKey = `${key}!`;
  for (const inputs of [
    { written: `sources: [{name: A, slug: a, writeKeys: ["${invalidKey}"]}]` },
    { written: `sources: [{name: A, slug: a, writeKeys: "${key}"}]` },
    { written: `sources: "${key}"` },
    { written: `sources: [{name: A, slug: a, writeKeys: [${key}}]` },
    { env: { MILLRACE_SOURCES: `[{"writeKeys":["${key}"]` } },
    { written: `sources: [{name: A, slug: a, writeKeys: [${key}, ${key}]}]` },
  ]) {
    assert.doesNotMatch(problems(inputs), /secretsecret/);
  }
  const config = parseConfig({ written: `sources: [{name: A, slug: a, writeKeys: [${key}]}]` });
  assert.deepEqual(maskedConfig(config).sources[0]?.writeKeys, ['secr…et']);
  assert.deepEqual(config.sources[0]?.writeKeys, [key]);
});

test('auto is half of the cores, at least one thread', () => {
  assert.deepEqual(
    [1, 2, 5, 16].map((cores) => collectorThreads('auto', cores, 'linux')),
    [1, 1, 2, 8],
  );
  assert.equal(collectorThreads(3, 16, 'linux'), 3);
  // Where threads cannot share a port there is one, and more are refused by name.
  assert.equal(collectorThreads('auto', 16, 'darwin'), 1);
  assert.throws(() => collectorThreads(2, 16, 'win32'), /collector\.threads/);
});

test('the file is the one named, else millrace.yaml when there is one, else none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-config-'));
  const before = process.cwd();
  try {
    process.chdir(folder);
    assert.equal((await loadConfig({ disk: systemDisk, env: {} })).file, null);
    await writeFile('millrace.yaml', 'sql: {rowsMax: 11}');
    await writeFile('other.yaml', 'sql: {rowsMax: 12}');
    const rowsMax = async (inputs: { env?: Record<string, string>; file?: string }) =>
      (await loadConfig({ disk: systemDisk, env: {}, ...inputs })).config.sql.rowsMax;
    assert.equal(await rowsMax({}), 11);
    assert.equal(await rowsMax({ env: { MILLRACE_CONFIG: 'other.yaml' } }), 12);
    assert.equal(await rowsMax({ file: 'other.yaml' }), 12);
    await assert.rejects(rowsMax({ file: 'absent.yaml' }), { code: 'CONFIG_INVALID' });
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true });
  }
});

test('settings of destinations may come from the environment, and a missing variable is named', () => {
  const written = [
    'destinations:',
    '  - slug: hook',
    '    name: Hook',
    '    type: webhook',
    '    settings:',
    '      url: https://${HOST_NAME}/in',
    '      headers: { Authorization: "Bearer ${HOOK_TOKEN}" }',
  ].join('\n');
  const env = { HOST_NAME: 'hooks.example', HOOK_TOKEN: 't0ken' };
  assert.deepEqual(parseConfig({ written, env }).destinations[0]?.settings, {
    url: 'https://hooks.example/in',
    headers: { Authorization: 'Bearer t0ken' },
  });
  assert.throws(() => parseConfig({ written, env: { HOST_NAME: 'a' } }), {
    code: 'CONFIG_INVALID',
    message:
      /destinations\[0\]\.settings\.headers\.Authorization: the environment has no HOOK_TOKEN/,
  });
});
