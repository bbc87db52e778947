/** analytics-go 3, from its Go module. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepareGo } from '../../scripts/toolchains.ts';
import { sdkSuite } from '../support/sdk-suite.ts';
import { ROOT } from '../support/test-server.ts';

await sdkSuite('analytics-go 3', {
  async prepare() {
    const found = await prepareGo();
    if (!found.ok) return found;
    const { go, env } = found;
    const folder = await mkdtemp(join(tmpdir(), 'millrace-go-'));
    for (const name of ['go.mod', 'go.sum']) {
      await copyFile(join(found.folder, name), join(folder, name));
    }
    await copyFile(join(ROOT, 'test/compat/drivers/main.go'), join(folder, 'main.go'));
    const program = join(folder, 'driver');
    const options = { cwd: folder, env: { ...process.env, ...env } };
    await promisify(execFile)(go, ['build', '-o', program, '.'], options);
    return { ok: true, command: program, args: [] };
  },
});
