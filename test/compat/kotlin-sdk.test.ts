/**
 * Segment's SDK for Kotlin, started as docs/quickstart.md says: what it reads of the settings, and
 * that without them it sends its events to the host of its reader all the same.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { prepareKotlinJars } from '../../scripts/quickstart-toolchains.ts';
import { filledIn, quickstartBlock, without } from '../support/quickstart-blocks.ts';
import { startProgram } from '../support/quickstart-program.ts';
import { startRefusingProxy } from '../support/refusing-proxy.ts';
import type { RefusingProxy } from '../support/refusing-proxy.ts';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { LOCALHOST_CERTIFICATE, startTlsFront } from '../support/tls-front.ts';
import type { TlsFront } from '../support/tls-front.ts';
import { until } from '../support/until.ts';

const found = await prepareKotlinJars();
const skip = found.ok ? false : found.reason;
/** It keeps what it could not send in a folder by key, which other runs must not share. */
const KEY = `kotlin${process.pid}${Date.now()}`;
const STORE_PASSWORD = 'millrace';
const RUN_MS_MAX = 60_000;
const FALLBACK = /(\n\s*defaultSettings = Settings\([^]*?\n {12}\),)\n/;

/** An app that goes on: it says something and lets time pass. */
const MAIN = `
fun main() {
    val analytics = startAnalytics()
    analytics.track("Order Completed")
    while (true) {
        Thread.sleep(500)
        analytics.flush()
    }
}
`;

describe('com.segment.analytics.kotlin:core', { skip }, () => {
  let server: TestServer;
  let front: TlsFront;
  let folder = '';
  let trust = '';
  let proxy: RefusingProxy;

  before(async () => {
    assert.ok(found.ok);
    server = await startTestServer({
      config: { sources: [{ name: 'App', slug: 'app', region: 'us', writeKeys: [KEY] }] },
    });
    front = await startTlsFront(server.url);
    folder = await mkdtemp(join(tmpdir(), 'millrace-kotlin-'));
    const code = filledIn(quickstartBlock('Kotlin', 'Configuration'), KEY, front.url);
    const bare = without(code, FALLBACK.exec(code)?.[1] ?? 'defaultSettings');
    const elsewhere = code.replace(/(\n\s*apiHost = )"[^"]*"/, '$1"elsewhere.test/v1"');
    await compile({ asWritten: code, bare, elsewhere }, folder);
    const store = ['-keystore', join(folder, 'trust.p12'), '-storepass', STORE_PASSWORD];
    const certificate = ['-importcert', '-noprompt', '-alias', 'front', '-file'];
    const importing = [...certificate, LOCALHOST_CERTIFICATE, ...store];
    await promisify(execFile)(found.keytool, importing);
    trust =
      `-Djavax.net.ssl.trustStore=${join(folder, 'trust.p12')} ` +
      `-Djavax.net.ssl.trustStorePassword=${STORE_PASSWORD}`;
  });
  after(async () => {
    await front?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
    await rm(join('/tmp/analytics-kotlin', KEY), { recursive: true, force: true });
  });
  const run = async (name: string, isDone: () => Promise<unknown>): Promise<void> => {
    assert.ok(found.ok);
    await rm(join('/tmp/analytics-kotlin', KEY), { recursive: true, force: true });
    proxy = await startRefusingProxy();
    const program = startProgram({
      command: found.java,
      args: ['-cp', [found.classpath, folder].join(delimiter), `${name}.ProgramKt`],
      env: {
        ...proxy.env,
        JAVA_TOOL_OPTIONS: `${proxy.env['JAVA_TOOL_OPTIONS']} ${trust}`,
      },
    });
    try {
      await isDone();
    } catch (error) {
      throw new Error(`${[...proxy.asked].join()}\n${program.output()}`, { cause: error });
    } finally {
      await program.end();
      await proxy.close();
    }
  };
  const untilArrived = async (count: number): Promise<void> => {
    await server.sqlUntil(
      `select 1 from events where event = 'Order Completed'`,
      (rows) => rows.length === count,
    );
  };

  test('as written, it sends to Millrace alone', async () => {
    front.refuseSettings = false;
    await run('asWritten', () => untilArrived(1));
    assert.deepEqual([...proxy.asked], []);
    assert.ok(front.paths.includes(`/v1/projects/${KEY}/settings`));
  });

  test('when settings cannot be fetched too', async () => {
    front.refuseSettings = true;
    await run('asWritten', () => untilArrived(2));
    assert.deepEqual([...proxy.asked], []);
  });

  test('without defaultSettings it would then ask Segment', async () => {
    front.refuseSettings = true;
    await run('bare', () =>
      until('the guard sees it', () => proxy.asked.has('api.segment.io'), RUN_MS_MAX),
    );
  });

  test('integrations["Segment.io"].apiHost of the settings wins over its configuration', async () => {
    front.refuseSettings = false;
    await run('elsewhere', () => untilArrived(3));
    assert.deepEqual([...proxy.asked], []);
  });
});

/** Programs by name, each a package of its own. */
async function compile(programs: Record<string, string>, folder: string): Promise<void> {
  assert.ok(found.ok);
  const files: string[] = [];
  for (const [name, code] of Object.entries(programs)) {
    const file = join(folder, name, 'program.kt');
    await mkdir(join(folder, name));
    await writeFile(file, `package ${name}\n\n${code}${MAIN}`);
    files.push(file);
  }
  const { java, classpath } = found;
  const compiler = 'org.jetbrains.kotlin.cli.jvm.K2JVMCompiler';
  const flags = ['-no-stdlib', '-no-reflect', '-nowarn', '-jvm-target', '11'];
  const programsOf = ['-cp', classpath, '-d', folder, ...files];
  await promisify(execFile)(java, ['-cp', classpath, compiler, ...flags, ...programsOf]);
}
