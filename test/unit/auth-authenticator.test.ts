import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createAccessTokens } from '../../src/auth/access-tokens.ts';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Authentication, Authenticator } from '../../src/auth/authenticator.ts';
import type { AuthSnapshot, KeyEntry, SourceEntry } from '../../src/auth/snapshot.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { writeKeyDigest } from '../../src/store/sources/write-keys.ts';

function source(number: number, changes: Partial<SourceEntry> = {}): SourceEntry {
  return {
    number,
    id: `id-${number}`,
    name: `Source ${number}`,
    slug: `source-${number}`,
    region: 'us',
    environment: 'production',
    enabled: true,
    limits: {
      requestsPerSecond: 1000,
      burst: 1000,
      requestBytesMax: DEFAULT_EVENT_LIMITS.requestBytesMax,
      eventBytesMax: DEFAULT_EVENT_LIMITS.eventBytesMax,
      batchEventsMax: DEFAULT_EVENT_LIMITS.batchEventsMax,
    },
    responses: 'strict',
    consentSettings: null,
    ip: 'keep',
    oauth: { clients: [], required: false },
    ...changes,
  };
}

function keyOf(number: number, text: string, changes: Partial<KeyEntry> = {}): KeyEntry {
  const digest = writeKeyDigest(text);
  return { number, digest, sourceNumber: 1, state: 'active', expiresAtMs: null, ...changes };
}

const EU_HOST = 'eu.events.example';
const SNAPSHOT: AuthSnapshot = {
  sources: [source(1), source(2, { enabled: false }), source(3, { region: 'eu' })],
  keys: [
    keyOf(1, 'good'),
    keyOf(2, 'second'),
    keyOf(3, 'disabled', { state: 'disabled' }),
    keyOf(4, 'rotated', { expiresAtMs: 5000 }),
    keyOf(5, 'off', { sourceNumber: 2 }),
    keyOf(6, 'european', { sourceNumber: 3 }),
    keyOf(7, 'orphan', { sourceNumber: 99 }),
  ],
  regions: [
    { name: 'us', hosts: [] },
    { name: 'eu', hosts: [EU_HOST] },
  ],
};

const basic = (key: string) => `Basic ${Buffer.from(`${key}:`).toString('base64')}`;
const HOST = 'events.example';
let nowMs = 1000;
let authenticator: Authenticator;

beforeEach(() => {
  nowMs = 1000;
  authenticator = createAuthenticator(
    SNAPSHOT,
    DEFAULT_EVENT_LIMITS,
    { wallMs: () => nowMs },
    createAccessTokens(Buffer.alloc(32)),
  );
});

/** Source number and key number, or the reason. */
function outcome(found: Authentication): string {
  return found.ok ? `${found.access.source.number}/${found.access.keyNumber}` : found.reason;
}

/** Asked twice, because the second answer may come from the cache. */
function both(ask: () => Authentication): string {
  const first = outcome(ask());
  assert.equal(outcome(ask()), first);
  return first;
}

const BY_KEY: [key: string, expected: string][] = [
  ['good', '1/1'],
  ['second', '1/2'],
  ['rotated', '1/4'],
  ['european', '3/6'],
  ['unheard', 'unknown'],
  ['orphan', 'unknown'],
  ['disabled', 'disabled'],
  ['off', 'source_disabled'],
];
for (const [key, expected] of BY_KEY) {
  test(`key "${key}" is ${expected}, in the header and in the body`, () => {
    assert.equal(
      both(() => authenticator.fromHeader(basic(key), HOST)),
      expected,
    );
    assert.equal(
      both(() => authenticator.fromBody(key, undefined, HOST)),
      expected,
    );
  });
}

test('no key anywhere is missing, an impossible one malformed', () => {
  assert.equal(outcome(authenticator.fromBody(undefined, undefined, HOST)), 'missing');
  assert.equal(outcome(authenticator.fromBody(undefined, 'Bearer t', HOST)), 'missing');
  assert.equal(outcome(authenticator.fromBody('', undefined, HOST)), 'malformed');
  assert.equal(outcome(authenticator.fromHeader('Digest x', HOST)), 'malformed');
});

test('Bearer needs the body, and the key in it decides', () => {
  assert.equal(authenticator.needsBody('Bearer token'), true);
  assert.equal(authenticator.needsBody(basic('good')), false);
  assert.equal(outcome(authenticator.fromBody('good', 'Bearer token', HOST)), '1/1');
});

test('header and body must name the same key, even of one source', () => {
  const found = authenticator.fromHeader(basic('good'), HOST);
  assert.ok(found.ok);
  assert.equal(authenticator.agrees(found.access, 'good'), true);
  for (const other of ['second', 'unheard', 'disabled', '']) {
    assert.equal(authenticator.agrees(found.access, other), false);
    assert.equal(outcome(authenticator.fromBody(other, basic('good'), HOST)), 'disagreement');
  }
  assert.equal(outcome(authenticator.fromBody('good', basic('good'), HOST)), '1/1');
  assert.equal(outcome(authenticator.fromBody(undefined, basic('good'), HOST)), '1/1');
  assert.equal(outcome(authenticator.fromBody('good', basic('unheard'), HOST)), 'unknown');
});

test('a rotated key is refused from the end of its overlap on, also when it was cached', () => {
  assert.equal(outcome(authenticator.fromHeader(basic('rotated'), HOST)), '1/4');
  nowMs = 4999;
  assert.equal(outcome(authenticator.fromHeader(basic('rotated'), HOST)), '1/4');
  nowMs = 5000;
  assert.equal(
    both(() => authenticator.fromHeader(basic('rotated'), HOST)),
    'expired',
  );
  assert.equal(
    both(() => authenticator.fromBody('rotated', undefined, HOST)),
    'expired',
  );
});

test('a new snapshot counts from the next request on', () => {
  assert.equal(outcome(authenticator.fromHeader(basic('good'), HOST)), '1/1');
  assert.equal(outcome(authenticator.fromBody('good', undefined, HOST)), '1/1');
  assert.equal(outcome(authenticator.fromHeader(basic('fresh'), HOST)), 'unknown');
  authenticator.setSnapshot({
    ...SNAPSHOT,
    keys: [keyOf(1, 'good', { state: 'disabled' }), keyOf(8, 'fresh')],
  });
  assert.equal(outcome(authenticator.fromHeader(basic('good'), HOST)), 'disabled');
  assert.equal(outcome(authenticator.fromBody('good', undefined, HOST)), 'disabled');
  assert.equal(outcome(authenticator.fromHeader(basic('fresh'), HOST)), '1/8');
});

test('a host that belongs to a region accepts only keys of that region', () => {
  for (const host of [EU_HOST, `${EU_HOST}:443`, 'EU.events.EXAMPLE', `${EU_HOST}.`]) {
    assert.equal(
      both(() => authenticator.fromHeader(basic('good'), host)),
      'wrong_region',
    );
    assert.equal(
      both(() => authenticator.fromBody('good', undefined, host)),
      'wrong_region',
    );
    assert.equal(outcome(authenticator.fromHeader(basic('european'), host)), '3/6');
  }
  assert.equal(outcome(authenticator.fromHeader(basic('good'), HOST)), '1/1');
  assert.equal(outcome(authenticator.fromHeader(basic('european'), HOST)), '3/6');
  assert.equal(outcome(authenticator.fromHeader(basic('good'), undefined)), '1/1');
});

test('a source has its own limits in the place of the general ones', () => {
  const limits = { ...source(1).limits, batchEventsMax: 10, requestsPerSecond: 5 };
  const wide = { ...source(1).limits, requestBytesMax: 4_000_000 };
  authenticator.setSnapshot({
    ...SNAPSHOT,
    sources: [source(1, { limits }), source(3, { limits: wide })],
  });
  const tight = authenticator.fromBody('good', undefined, HOST);
  const loose = authenticator.fromBody('european', undefined, HOST);
  assert.ok(tight.ok && loose.ok);
  assert.equal(tight.access.limits.batchEventsMax, 10);
  assert.equal(tight.access.limits.requestsPerSecond, 5);
  assert.equal(tight.access.limits.depthMax, DEFAULT_EVENT_LIMITS.depthMax);
  assert.equal(tight.access.limits.isTighter, true);
  assert.equal(loose.access.limits.isTighter, false);
  assert.equal(authenticator.requestBytesMax(), 4_000_000);
});

test('many different headers of one good key neither fail nor push the memory up', () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  for (let n = 0; n < 50_000; n++) {
    const header = `Basic ${Buffer.from(`good:${n}-${'x'.repeat(1000)}`).toString('base64')}`;
    assert.ok(authenticator.fromHeader(header, HOST).ok);
  }
  const grownBytes = heapBytes() - before;
  assert.ok(grownBytes < 60_000_000, `${grownBytes} bytes more`);
});

test('a million keys that nobody has are refused alike, and nothing is kept of them', () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const guess = (n: number) => outcome(authenticator.fromBody(`guess${n}`, undefined, HOST));
  const warm = guess(-1);
  const before = heapBytes();
  let others = 0;
  for (let n = 0; n < 1_000_000; n++) if (guess(n) !== warm) others++;
  assert.equal(others, 0);
  const grownBytes = heapBytes() - before;
  assert.ok(grownBytes < 5_000_000, `${grownBytes} bytes more`);
  assert.equal(outcome(authenticator.fromBody('good', undefined, HOST)), '1/1');
});
