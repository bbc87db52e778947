/** com.segment.analytics.java, from Maven Central. */
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { prepareJava } from '../../scripts/toolchains.ts';
import { sdkSuite } from '../support/sdk-suite.ts';
import { ROOT } from '../support/test-server.ts';

await sdkSuite('com.segment.analytics.java', {
  async prepare() {
    const found = await prepareJava();
    if (!found.ok) return found;
    const { java, javac, classpath } = found;
    const folder = await mkdtemp(join(tmpdir(), 'millrace-java-'));
    const source = join(ROOT, 'test/compat/drivers/driver.java');
    await promisify(execFile)(javac, ['-cp', classpath, '-d', folder, source]);
    return { ok: true, command: java, args: ['-cp', classpath + delimiter + folder, 'Driver'] };
  },
  // Its pauses between attempts are 15, 30, 60 … seconds; a third fault would take minutes.
  faults: ['429', 'lost-answer'],
});
