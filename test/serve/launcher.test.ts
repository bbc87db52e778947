/** The command of a checkout: built once, again when the source changed, or not at all. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { VERSION } from '../../src/base/version.ts';
import { ROOT } from '../support/test-server.ts';

let checkout: string;
beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'millrace-checkout-'));
  for (const name of ['bin', 'scripts', 'src', 'package.json', 'package-lock.json']) {
    await cp(join(ROOT, name), join(checkout, name), { recursive: true, preserveTimestamps: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
});
afterEach(() => rm(checkout, { recursive: true, force: true }));

async function millrace(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(checkout, 'bin/millrace.mjs'), ...args]);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output.stderr);
  return output;
}

const ANSWER = { stdout: `${VERSION}\n`, stderr: '' };

test('it is built at the first command, and again when the source has changed', async () => {
  assert.deepEqual(await millrace('--version'), ANSWER);
  const first = await readdir(join(checkout, 'dist'));
  assert.equal(first.length, 1);
  assert.deepEqual(await millrace('--version'), ANSWER);
  assert.deepEqual(await readdir(join(checkout, 'dist')), first);

  const now = new Date();
  await utimes(join(checkout, 'src/cli/main.ts'), now, now);
  assert.deepEqual(await millrace('--version'), ANSWER);
  // What a server that runs was started from is still there.
  const builds = await readdir(join(checkout, 'dist'));
  assert.equal(builds.length, 2);
  assert.ok(builds.includes(first[0] ?? ''));
});

test('where nothing can be built commands run from the source, without a word', async () => {
  await writeFile(join(checkout, 'dist'), 'in the way');
  assert.deepEqual(await millrace('--version'), ANSWER);
});
