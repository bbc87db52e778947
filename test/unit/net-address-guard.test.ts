/** The table of addresses that a webhook may be pointed at by somebody who means harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import { isAllowEntry, netSchema } from '../../src/config/net-schema.ts';
import { createAddressGuard } from '../../src/net/address-guard.ts';

const strict = createAddressGuard({ allow: [], ports: [] });

function guardOf(...allow: string[]) {
  return createAddressGuard({ allow, ports: [] });
}

function isRefused(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'ADDRESS_REFUSED';
}

/** What it is, and how it can be written. */
const NOT_PUBLIC: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1', '127.255.255.254', '[::1]', '[0:0:0:0:0:0:0:1]'],
  'loopback as a number': [
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0x7f.1',
    '127.1',
    '127.0.1',
  ],
  'loopback with leading zeros': ['0177.0.0.1', '0x7f.0.0.1', '127.0.0.1.'],
  'loopback in other digits': ['①②⑦.⓪.⓪.①', '１２７.0.0.1', '127。0。0。1', '%31%32%37.0.0.1'],
  'loopback by name': ['localhost', 'LOCALHOST', 'localhost.', 'a.b.localhost', 'a.localhost.'],
  unspecified: ['0.0.0.0', '0', '0.1.2.3', '[::]'],
  private: ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  CGNAT: ['100.64.0.1', '100.127.255.255'],
  'link-local': ['169.254.0.1', '[fe80::1]', '[febf::1]'],
  'unique local': ['[fc00::1]', '[fdff::1]'],
  'site-local': ['[fec0::1]'],
  multicast: ['224.0.0.1', '239.255.255.255', '[ff02::1]'],
  reserved: ['192.0.0.1', '240.0.0.1', '192.88.99.1', '[100::1]', '[4000::1]', '[5f00::1]'],
  broadcast: ['255.255.255.255'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '[2001:db8::1]', '[3fff::1]'],
  benchmarks: ['198.18.0.1', '198.19.255.255', '[2001:2::1]'],
  'IPv4 mapped': ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:8.8.8.8]'],
  'IPv4 compatible': ['[::127.0.0.1]', '[::7f00:1]', '[::8.8.8.8]'],
  'IPv4 translated': ['[::ffff:0:10.0.0.1]'],
  NAT64: ['[64:ff9b::10.0.0.1]', '[64:ff9b::a00:1]', '[64:ff9b:1::10.0.0.1]', '[64:ff9b::8.8.8.8]'],
  '6to4': ['[2002:a00:1::1]', '[2002:7f00:1::]', '[2002:808:808::1]'],
  Teredo: ['[2001:0:808:808::f5ff:fffe]'],
  metadata: ['169.254.169.254', '2852039166', '169.254.170.2', '168.63.129.16', '192.0.0.192'],
  'metadata elsewhere': ['100.100.100.200', '[fd00:ec2::254]', '[fd20:ce::254]'],
  'metadata by name': ['metadata.google.internal', 'Metadata.Google.Internal.', 'metadata'],
};

for (const [what, hosts] of Object.entries(NOT_PUBLIC)) {
  test(`refuses what is not public: ${what}`, () => {
    for (const host of hosts) {
      assert.throws(() => strict.checkUrl(`http://${host}/hook`), isRefused, `URL ${host}`);
      // A percent sign belongs to URLs; as a host it is refused for itself.
      assert.throws(() => strict.checkHost(host, 5432), isRefused, `host ${host}`);
      const address = host.replace(/^\[|\]$/g, '');
      assert.throws(() => strict.checkAddress('crm.example', address), isRefused, `DNS ${host}`);
    }
  });
}

test('lets public addresses and names through, at the edges of what is refused too', () => {
  const hosts = [
    'crm.example',
    'my_db.example',
    'xn--bcher-kva.example',
    'bücher.example',
    '8.8.8.8',
  ];
  const edges = ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'];
  const more = ['128.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '223.255.255.255'];
  const ipv6 = ['[2606:4700::1111]', '[2001:4860:4860::8888]', '[2a00::1]'];
  for (const host of [...hosts, ...edges, ...more, ...ipv6]) {
    assert.doesNotThrow(() => strict.checkUrl(`https://${host}/hook?a=b`), host);
    assert.doesNotThrow(() => strict.checkHost(host, 9092), host);
  }
  assert.doesNotThrow(() => strict.checkAddress('crm.example', '2606:4700::1111'));
});

test('takes the host that it judged to be the host that is resolved', () => {
  assert.equal(strict.checkHost('CRM.Example.', 443), 'crm.example');
  assert.equal(strict.checkHost('bücher.example', 443), 'xn--bcher-kva.example');
  assert.equal(guardOf('127.0.0.1').checkHost('0x7f.1', 443), '127.0.0.1');
  assert.equal(strict.checkHost('2606:4700:0:0::1111', 443), '2606:4700::1111');
  assert.equal(strict.checkHost('[2606:4700::1111]', 443), '2606:4700::1111');
});

test('refuses what is no host', () => {
  const notHosts = [
    '',
    ' ',
    '.',
    'a..',
    'a b',
    'a/b',
    '/var/run/db',
    'a?b',
    'a#b',
    'u@h',
    'a:5432',
  ];
  const more = ['a\\b', '[::1', '::1]', 'fe80::1%eth0', '1.2.3.4.5', '256.1.1.1', 'a\0b', 'a\nb'];
  for (const host of [...notHosts, ...more, `${'a'.repeat(300)}.example`]) {
    assert.throws(() => strict.checkHost(host, 5432), isRefused, JSON.stringify(host));
  }
  for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
    assert.throws(() => strict.checkHost('crm.example', port), isRefused, String(port));
  }
  for (const address of ['', 'crm.example', 'fe80::1%eth0', '127.1']) {
    assert.throws(() => guardOf('crm.example').checkAddress('crm.example', address), isRefused);
  }
});

test('refuses other schemes, credentials, and ports that are unusual for HTTP', () => {
  const schemes = ['ftp://h/', 'file:///etc/passwd', 'gopher://h/', 'ws://h/', 'data:,x', 'h', ''];
  const credentials = ['https://user@h/', 'https://user:pass@h/', 'https://:pass@h/'];
  const ports = [
    'http://h:22/',
    'http://h:25/',
    'https://h:5432/',
    'http://h:6379/',
    'http://h:0/',
  ];
  for (const url of [...schemes, ...credentials, ...ports]) {
    assert.throws(() => strict.checkUrl(url), isRefused, url);
  }
  for (const url of ['http://h:80/', 'https://h:443/', 'http://h:8080/', 'https://h:8443/']) {
    assert.doesNotThrow(() => strict.checkUrl(url), url);
  }
  const withPort = createAddressGuard({ allow: [], ports: [9000] });
  assert.doesNotThrow(() => withPort.checkUrl('http://h:9000/'));
  assert.throws(() => withPort.checkUrl('http://h:9001/'), isRefused);
});

test('says why without the path, query or credentials of the URL', () => {
  for (const url of ['http://10.0.0.1/s3cret?s3cret#s3cret', 'http://s3cret:s3cret@h/', 's3cret']) {
    assert.throws(
      () => strict.checkUrl(url),
      ({ message }: Error) => !message.includes('s3cret'),
      url,
    );
  }
});

test('an allow-listed range lets its addresses through, in every spelling and at any port', () => {
  const guard = guardOf('10.1.0.0/16', '192.168.1.7', 'fd12::/16');
  for (const host of ['10.1.2.3', '0xa.0x1.2.3', '192.168.1.7', '[fd12::9]', '[::ffff:10.1.2.3]']) {
    assert.doesNotThrow(() => guard.checkUrl(`http://${host}:9123/`), host);
  }
  assert.doesNotThrow(() => guard.checkAddress('crm.internal', '10.1.2.3'));
  for (const host of ['10.2.0.1', '192.168.1.8', '[fd13::9]', '[::ffff:10.2.0.1]']) {
    assert.throws(() => guard.checkUrl(`http://${host}/`), isRefused, host);
  }
});

test('an allow-listed name lets itself through and no other, whatever it resolves to', () => {
  const guard = guardOf('CRM.internal', 'localhost');
  assert.doesNotThrow(() => guard.checkUrl('http://crm.internal.:9123/'));
  assert.doesNotThrow(() => guard.checkAddress('crm.internal', '10.0.0.1'));
  assert.doesNotThrow(() => guard.checkUrl('http://localhost:3000/'));
  assert.doesNotThrow(() => guard.checkAddress('localhost', '::1'));
  for (const name of ['a.crm.internal', 'internal', 'crm.internal.example']) {
    assert.throws(() => guard.checkAddress(name, '10.0.0.1'), isRefused, name);
    assert.throws(() => guard.checkUrl(`http://${name}:9123/`), isRefused, name);
  }
  assert.throws(() => guard.checkUrl('http://a.localhost/'), isRefused);
  assert.throws(() => guard.checkUrl('http://127.0.0.1/'), isRefused);
});

test('refuses metadata services even where everything is allow-listed', () => {
  const all = ['0.0.0.0/0', '::/0', 'evil.example', 'metadata.google.internal', '169.254.169.254'];
  const guard = guardOf(...all);
  assert.doesNotThrow(() => guard.checkUrl('http://169.254.1.1/'));
  for (const host of NOT_PUBLIC['metadata'] ?? []) {
    assert.throws(() => guard.checkUrl(`http://${host}/`), isRefused, host);
  }
  const forms = ['::ffff:169.254.169.254', '::a9fe:a9fe', '64:ff9b::169.254.169.254'];
  const more = [
    '64:ff9b:1::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    '2001:0:a9fe:a9fe::1',
    'fd00:ec2::254',
  ];
  for (const address of [...forms, ...more, '2001:0:1:1::5601:5601', '100.100.100.200']) {
    assert.throws(() => guard.checkAddress('evil.example', address), isRefused, address);
  }
  assert.throws(() => guard.checkHost('metadata.google.internal', 80), isRefused);
});

test('an allow-listed NAT64 range is judged by the address inside', () => {
  const guard = guardOf('64:ff9b::/96');
  assert.doesNotThrow(() => guard.checkAddress('crm.example', '64:ff9b::8.8.8.8'));
  assert.throws(() => guard.checkAddress('crm.example', '64:ff9b::10.0.0.1'), isRefused);
});

test('net.allow takes addresses, ranges and names, and nothing that only looks like them', () => {
  const good = ['10.0.0.1', '10.0.0.0/8', 'fd00::/8', '::1', 'crm.internal', 'my_db', 'localhost'];
  const bad = ['', '10.0.0.0/33', '10.0.0', '0x7f.1', '2130706433', 'fe80::1%eth0', '*.internal'];
  const more = ['http://crm', 'crm:80', 'crm.', '.crm', '-crm', 'a b', '[::1]', 'a'.repeat(64)];
  assert.deepEqual(
    good.filter((entry) => !isAllowEntry(entry)),
    [],
  );
  assert.deepEqual([...bad, ...more].filter(isAllowEntry), []);
  assert.deepEqual(netSchema.parse({ ports: ['9000', 9001] }).ports, [9000, 9001]);
  for (const port of ['', '0', 0, 65_536, '1e3', true]) {
    assert.equal(netSchema.safeParse({ ports: [port] }).success, false, String(port));
  }
  const proxies = ['http://user:pass@proxy:3128', 'https://proxy/'];
  const notProxies = ['socks5://proxy', 'proxy:3128', 'http://proxy/path', 'http://proxy?x'];
  const isProxy = (proxy: string): boolean => netSchema.safeParse({ proxy }).success;
  assert.deepEqual([...proxies, ...notProxies].filter(isProxy), proxies);
});
