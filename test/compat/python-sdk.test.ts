/** segment-analytics-python, from PyPI. */
import { join } from 'node:path';
import { preparePython } from '../../scripts/toolchains.ts';
import { sdkSuite } from '../support/sdk-suite.ts';
import { ROOT } from '../support/test-server.ts';

await sdkSuite('segment-analytics-python', {
  async prepare() {
    const found = await preparePython();
    if (!found.ok) return found;
    const driver = join(ROOT, 'test/compat/drivers/python.py');
    return { ok: true, command: found.python, args: [driver] };
  },
});
