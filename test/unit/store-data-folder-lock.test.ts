import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDataFolder } from '../../src/store/data-folder-lock.ts';

const MODULE = new URL('../../src/store/data-folder-lock.ts', import.meta.url).href;
const HOLDER = `
  import { lockDataFolder } from '${MODULE}';
  await lockDataFolder(process.argv[1]);
  process.stdout.write('locked');
  setInterval(() => {}, 1000);`;

test('another process cannot lock the folder until kill -9 ends the first', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', HOLDER, join(folder, 'data')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  try {
    await once(child.stdout, 'data');
    const locked = { code: 'DATA_FOLDER_LOCKED' };
    await assert.rejects(lockDataFolder(join(folder, 'data')), locked);
    writeFileSync(join(folder, 'data', 'server.json'), JSON.stringify({ pid: child.pid }));
    await assert.rejects(lockDataFolder(join(folder, 'data')), {
      ...locked,
      message: new RegExp(`process ${child.pid}\\)`),
    });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const lock = await lockDataFolder(join(folder, 'data'));
  lock.release();
  rmSync(folder, { recursive: true });
});

test('the lock holds within a process too, and a release frees the folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  const first = await lockDataFolder(folder);
  writeFileSync(join(folder, 'server.json'), 'not JSON');
  await assert.rejects(lockDataFolder(folder), { code: 'DATA_FOLDER_LOCKED' });
  first.release();
  (await lockDataFolder(folder)).release();
  rmSync(folder, { recursive: true });
});
