import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readCredentials } from '../../src/auth/credentials.ts';

const KEY = 'k3yForTheShopWith32CharactersInIt';
const base64 = (text: string) => Buffer.from(text).toString('base64');

const BASIC_FORMS: [name: string, header: string][] = [
  ['with a colon', `Basic ${base64(`${KEY}:`)}`],
  ['without a colon', `Basic ${base64(KEY)}`],
  ['with a password', `Basic ${base64(`${KEY}:x:y`)}`],
  ['without padding', `Basic ${base64(`${KEY}:`).replace(/=+$/, '')}`],
  ['in the URL-safe alphabet', `Basic ${Buffer.from(`${KEY}:ÿþ`).toString('base64url')}`],
  ['in lower case', `basic ${base64(`${KEY}:`)}`],
  ['with more spaces', `Basic   ${base64(`${KEY}:`)} `],
];
for (const [name, header] of BASIC_FORMS) {
  test(`Basic ${name} is the write key`, () => {
    assert.deepEqual(readCredentials(header), { kind: 'basic', writeKey: KEY });
  });
}

test('Bearer leaves the write key to the body', () => {
  assert.deepEqual(readCredentials('Bearer abc.def.ghi'), { kind: 'bearer' });
  assert.deepEqual(readCredentials('bearer x'), { kind: 'bearer' });
});

test('no header or an empty one is none', () => {
  assert.deepEqual(readCredentials(undefined), { kind: 'none' });
  assert.deepEqual(readCredentials(''), { kind: 'none' });
});

const MALFORMED: [name: string, header: string][] = [
  ['another scheme', 'Digest username="x"'],
  ['a bare key', KEY],
  ['no credentials', 'Basic '],
  ['an empty key', `Basic ${base64(':')}`],
  ['only a password', `Basic ${base64(':secret')}`],
  ['what is no base64', 'Basic a*b'],
  ['an impossible length', 'Basic abcde'],
  ['a key with a space', `Basic ${base64('a b:')}`],
  ['a key with a control character', `Basic ${base64('ab\n:')}`],
  ['a key beyond ASCII', `Basic ${base64('clé:')}`],
  ['a key too long', `Basic ${base64('k'.repeat(201))}`],
  ['a header too long', `Basic ${base64('k'.repeat(5000))}`],
  ['Bearer without a token', 'Bearer '],
  ['two values', `Basic ${base64(`${KEY}:`)}, Basic ${base64('other:')}`],
];
for (const [name, header] of MALFORMED) {
  test(`${name} is malformed`, () => {
    assert.deepEqual(readCredentials(header), { kind: 'malformed' });
  });
}

test('every key comes back as it was sent, whatever the password and padding', () => {
  const key = fc.stringMatching(/^[!-9;-~]{1,200}$/);
  fc.assert(
    fc.property(key, fc.option(fc.string()), fc.boolean(), (writeKey, password, isPadded) => {
      const encoded = base64(password === null ? writeKey : `${writeKey}:${password}`);
      const header = `Basic ${isPadded ? encoded : encoded.replace(/=+$/, '')}`;
      fc.pre(header.length <= 4096);
      assert.deepEqual(readCredentials(header), { kind: 'basic', writeKey });
    }),
  );
});

test('no header makes it throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => void readCredentials(header)));
});
