/** Words that must not be in the repository: they belong to one machine, or to one registry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repoFiles, textOf } from './repo-files.ts';

/**
 * Written as expressions that do not match themselves. Which registry a tool asks is the matter
 * of its own configuration, so that mirrors and closed networks work.
 */
const BANNED: readonly (readonly [what: string, expression: RegExp])[] = [
  ['a registry host', /\b(registry|www|replicate)\.(npmj[s]|yarnpk[g])\b/i],
  ['a registry host', /\bnpmj[s]\.(com|org)\b/i],
  ['a registry host', /\bpyp[i]\.org\b|\bpythonhoste[d]\.org\b/i],
  ['a registry host', /\b(proxy|sum|index)\.golan[g]\.org\b|\bgoprox[y]\.(io|cn)\b/i],
  ['a registry host', /\brepo1?\.mave[n]\b|\bmave[n]\.(apache|org)\b|\bsonatyp[e]\.(org|com)\b/i],
  ['a registry host', /\b(deb|security|ftp|archive)\.(debia[n]\.org|ubunt[u]\.com)\b/i],
  ['a registry host', /\bcrate[s]\.io\b/i],
  ['a path of one machine', /(?<![\w.~:/-])\/(wor[k]|roo[t]|User[s]|hom[e])\/\w/],
  ['a path of one machine', /\b[A-Z]:\\+Users\\/],
  ['a path of one machine', /\/tm[p]\/[\w-]+\.md\b/],
  ['a tool of one workplace', /\bissue[s] (show|list|resolve|file)\b/],
  ['a tool of one workplace', /\.librar[y]\b|\.claud[e]\b|\bclaud[e]\b|\banthropi[c]\b/i],
  ['a document outside', /\bshare[d]\/[\w-]+\.md\b/],
];
/** The texts of others' formats, where anything may stand. */
const IS_BINARY = /\.(png|gif|ico|jpg|webp|woff2|gz|zst|br|parquet|db)$/;

const files = repoFiles().filter((path) => !IS_BINARY.test(path));

test('no file names a registry, a path of one machine, or a tool of one workplace', () => {
  const found = files.flatMap((path) =>
    textOf(path)
      .split('\n')
      .flatMap((line, at) =>
        BANNED.filter(([, expression]) => expression.test(line)).map(
          ([what, expression]) => `${path}:${at + 1} ${what}: ${expression.exec(line)?.[0]}`,
        ),
      ),
  );
  assert.deepEqual(found, []);
});

test('the expressions match what they are meant for, and not what is harmless', () => {
  const bad = [
    ['registry', 'npmjs', 'org'].join('.'),
    ['www', 'npmjs', 'com'].join('.'),
    ['pypi', 'org'].join('.'),
    ['files', 'pythonhosted', 'org'].join('.'),
    ['proxy', 'golang', 'org'].join('.'),
    ['repo', 'maven', 'apache', 'org'].join('.'),
    ['deb', 'debian', 'org'].join('.'),
    ['', 'work', 'main'].join('/'),
    `in '${['', 'root', 'x'].join('/')}'`,
    ['C:', 'Users', 'me'].join('\\'),
  ];
  const good = [
    'https://shop.example/home/sale',
    'npm install',
    'src/work/x.ts',
    'github.com/segmentio/analytics-go/v3',
    '/var/lib/millrace',
    'millrace sources list',
  ];
  const isBanned = (text: string): boolean => BANNED.some(([, pattern]) => pattern.test(text));
  assert.deepEqual(bad.filter(isBanned), bad);
  assert.deepEqual(good.filter(isBanned), []);
});

test('package-lock.json says what to install and not where from', () => {
  assert.doesNotMatch(textOf('package-lock.json'), /"resolved":/);
});

test('every package that is installed is pinned by its hash', () => {
  const { packages } = JSON.parse(textOf('package-lock.json')) as {
    packages: Record<string, { integrity?: string }>;
  };
  assert.ok(Object.keys(packages).length > 20);
  const wrong = Object.entries(packages)
    .filter(([name, { integrity }]) => name !== '' && integrity === undefined)
    .map(([name]) => name);
  assert.deepEqual(wrong, []);
});
