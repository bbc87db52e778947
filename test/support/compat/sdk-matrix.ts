/**
 * The SDKs of docs/compatibility.md: those that run, how each is started and what it does not do
 * itself, and those that cannot run here, with what is known of them instead.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import {
  MATRIX_VERSIONS,
  prepareBrowser,
  prepareKotlin,
  preparePhp,
  prepareRuby,
  prepareRust,
} from '../../../scripts/sdk-toolchains.ts';
import {
  prepareGo,
  prepareJava,
  preparePython,
  SDK_VERSIONS,
} from '../../../scripts/toolchains.ts';
import { ROOT } from '../test-server.ts';
import { BEHAVIOUR_NAMES } from './sdk-contract.ts';
import type { Sdk } from './sdk-contract.ts';

const NO_RETRY = 'the SDK makes one attempt, and drops the events when that fails';
const NEWEST_100 = 'the SDK keeps the newest 100 events that wait, and drops older ones';
const JITSU =
  'a protocol of its own, answered 404: `POST /api/s/…`, the key in `X-Write-Key` and `***` in its place';

function nodeDriver(file: string, env: Record<string, string> = {}): Sdk['prepare'] {
  const path = join(ROOT, 'test/compat/drivers', file);
  return async () => ({ ok: true as const, command: process.execPath, args: [path], env });
}

function installed(name: string): string {
  const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

export const SDKS = {
  'analytics-next': {
    title: '@segment/analytics-next in Chromium',
    version: installed('@segment/analytics-next'),
    prepare: () => prepareBrowser('segment', '@segment/analytics-next'),
  },
  'consent-tools': {
    title: '@segment/analytics-consent-tools in Chromium',
    version: installed('@segment/analytics-consent-tools'),
    prepare: () => prepareBrowser('consent', '@segment/analytics-next'),
  },
  'analytics-node': {
    title: '@segment/analytics-node',
    version: installed('@segment/analytics-node'),
    prepare: nodeDriver('node-segment.mjs'),
  },
  'analytics-node-2': {
    title: '@segment/analytics-node 2',
    version: installed('@segment/analytics-node-2'),
    prepare: nodeDriver('node-segment.mjs', { MILLRACE_SDK: '@segment/analytics-node-2' }),
    limits: { kill: 'the SDK drops a batch after its retries, here eight within seconds' },
  },
  'analytics-node-classic': {
    title: 'analytics-node',
    version: installed('analytics-node'),
    prepare: nodeDriver('node-classic.mjs'),
    limits: { kill: 'the SDK drops a batch after its retries, here six within seconds' },
  },
  python: {
    title: 'segment-analytics-python',
    version: SDK_VERSIONS.python,
    prepare: pythonDriver,
  },
  go: { title: 'analytics-go', version: SDK_VERSIONS.go.slice(1), prepare: goDriver },
  java: {
    title: 'com.segment.analytics.java',
    version: SDK_VERSIONS.java,
    prepare: javaDriver,
    // Its pauses between attempts are 15, 30, 60 … seconds; a third fault would take minutes.
    mixedFaults: ['429', 'lost-answer'],
  },
  kotlin: {
    title: 'com.segment.analytics.kotlin',
    version: MATRIX_VERSIONS.kotlin,
    prepare: prepareKotlin,
    calls: ['identify', 'track', 'screen', 'group', 'alias'],
    isHttpsOnly: true,
  },
  ruby: {
    title: 'analytics-ruby',
    version: MATRIX_VERSIONS.ruby,
    prepare: prepareRuby,
    isHttpsOnly: true,
    limits: { kill: 'the SDK drops a batch after ten tries, some eight seconds' },
  },
  php: {
    title: 'analytics-php',
    version: MATRIX_VERSIONS.php,
    prepare: preparePhp,
    isHttpsOnly: true,
    limits: { kill: 'the SDK drops a batch whose connection fails' },
  },
  'rust-segment': {
    title: 'segment (Rust)',
    version: MATRIX_VERSIONS['rust-segment'],
    prepare: () => prepareRust('rust-segment'),
    isBare: true,
    limits: { overloaded: NO_RETRY, limited: NO_RETRY, failing: NO_RETRY, kill: NO_RETRY },
  },
  'rudder-js': {
    title: '@rudderstack/analytics-js in Chromium',
    version: MATRIX_VERSIONS['rudder-js'],
    prepare: () =>
      prepareBrowser('rudder', '@rudderstack/analytics-js', {
        version: MATRIX_VERSIONS['rudder-js'],
        // The other entry fetches its plugins from RudderStack's own host.
        entry: 'dist/npm/modern/bundled/esm/index.mjs',
      }),
    calls: ['identify', 'track', 'page', 'group', 'alias'],
    limits: { many: NEWEST_100, kill: NEWEST_100 },
    stubs: { '/sourceConfig/': sourceConfig(), '/sourceConfig': sourceConfig() },
  },
  'rudder-node': {
    title: '@rudderstack/rudder-sdk-node',
    version: installed('@rudderstack/rudder-sdk-node'),
    prepare: nodeDriver('node-rudder.mjs'),
    limits: {
      kill: 'the SDK drops a batch after its retries, and its own flushes reject without a handler',
    },
  },
  'rust-rudder': {
    title: 'rudderanalytics (Rust)',
    version: MATRIX_VERSIONS['rust-rudder'],
    prepare: () => prepareRust('rust-rudder'),
    limits: { kill: 'the SDK drops an event after its retries, here three within seconds' },
  },
  jitsu: {
    title: '@jitsu/js in Chromium',
    version: MATRIX_VERSIONS.jitsu,
    prepare: () => prepareBrowser('jitsu', '@jitsu/js', { version: MATRIX_VERSIONS.jitsu }),
    isRefused: true,
    limits: Object.fromEntries(BEHAVIOUR_NAMES.map((name) => [name, JITSU])),
  },
} as const satisfies Record<string, Sdk>;

export type SdkName = keyof typeof SDKS;

async function pythonDriver() {
  const found = await preparePython();
  if (!found.ok) return found;
  const driver = join(ROOT, 'test/compat/drivers/python.py');
  return { ok: true as const, command: found.python, args: [driver] };
}

async function goDriver() {
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
  return { ok: true as const, command: program, args: [] };
}

async function javaDriver() {
  const found = await prepareJava();
  if (!found.ok) return found;
  const { java, javac, classpath } = found;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-java-'));
  const source = join(ROOT, 'test/compat/drivers/driver.java');
  await promisify(execFile)(javac, ['-cp', classpath, '-d', folder, source]);
  const args = ['-cp', classpath + delimiter + folder, 'Driver'];
  return { ok: true as const, command: java, args };
}

/** What RudderStack's own service says of a source without destinations. */
function sourceConfig(): unknown {
  const source = {
    id: 'source',
    name: 'source',
    writeKey: 'key',
    enabled: true,
    workspaceId: 'workspace',
    config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
    connections: [],
    destinations: [],
    dataplanes: {},
  };
  return { source, updatedAt: '2026-01-01T00:00:00.000Z' };
}
