/**
 * The optional toolchains of test/compat and test/destinations: real SDKs in other languages, a
 * browser, and real brokers. A machine with only Node and npm has none of them; its tests are
 * skipped with the reason given here.
 *
 * `toolchain(name)` only looks. `preparePython`, `prepareGo` and `prepareJava` also fetch the SDK,
 * `prepareKafka` a broker and `prepareClickHouse` an engine, with the tool's own configuration of
 * registries, into a cache below node_modules; the second call finds it there. All answer
 * `{ok: false, reason}` rather than throw.
 */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from './run-command.ts';

export const CACHE = fileURLToPath(
  new URL('../node_modules/.cache/millrace-toolchains', import.meta.url),
);
/** Looking at a version; Java and Maven take seconds on a busy machine. */
export const PROBE_MS_MAX = 60_000;
/** One download of an SDK with its dependencies. */
const PREPARE_MS_MAX = 300_000;

/** Fixed, so that a new release of an SDK shows up as a change of this file. */
export const SDK_VERSIONS = { python: '2.4.0', go: 'v3.3.0', java: '3.5.4' } as const;
/** The last line that also runs on Java 11; it speaks what newer ones do. */
const KAFKA_VERSION = '3.9.1';
/** No dependency: of its four platforms only Linux x64 is published, and a lock must name all. */
const CHDB_VERSION = '3.4.0';
const GO_QUICKLY = `'-gcflags=all=-N -l' -ldflags=-s`;
const GO_MODULE = 'github.com/segmentio/analytics-go/v3';
const CHROMIUM_VARIABLE = 'MILLRACE_TEST_CHROMIUM';
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Paths of the programs of each toolchain. */
export interface Toolchains {
  python: { python: string };
  go: { go: string };
  java: { java: string; javac: string; maven: string };
  chromium: { chromium: string };
  nats: { server: string };
}

export type ToolchainName = keyof Toolchains;
export type Missing = { ok: false; reason: string };
export type Found<T> = ({ ok: true } & T) | Missing;

const PROBES: { [Name in ToolchainName]: () => Promise<Found<Toolchains[Name]>> } = {
  python: probePython,
  go: probeGo,
  java: probeJava,
  chromium: probeChromium,
  nats: probeNats,
};

/** Looks for a toolchain in PATH. `reason` is a phrase for the list of skipped tests. */
export function toolchain<Name extends ToolchainName>(
  name: Name,
): Promise<Found<Toolchains[Name]>> {
  return PROBES[name]();
}

/** A Python of a virtual environment in which `import segment.analytics` works. */
export async function preparePython(): Promise<Found<{ python: string }>> {
  const found = await toolchain('python');
  if (!found.ok) return found;
  const pythonIn = (folder: string): string => join(folder, 'bin', 'python');
  const prepared = await prepareFolder(`python-${SDK_VERSIONS.python}`, async (folder) => {
    await must(found.python, ['-m', 'venv', folder], {});
    const wanted = `segment-analytics-python==${SDK_VERSIONS.python}`;
    await must(pythonIn(folder), ['-m', 'pip', 'install', '--quiet', '--no-input', wanted], {});
    await must(pythonIn(folder), ['-c', 'import segment.analytics'], {});
  });
  return prepared.ok ? { ok: true, python: pythonIn(prepared.folder) } : prepared;
}

/**
 * Go with the module's code downloaded. `folder` holds a go.mod and go.sum that require it: copy
 * both beside a main.go, or put the program into a new folder below, and build with `env`.
 */
export async function prepareGo(): Promise<
  Found<{ go: string; env: Record<string, string>; folder: string }>
> {
  const found = await toolchain('go');
  if (!found.ok) return found;
  const { go } = found;
  const flags = await runCommand(go, ['env', 'GOFLAGS'], { msMax: PROBE_MS_MAX });
  const env = {
    // Writable modules, because `npm ci` removes node_modules, and with it this cache. A clean
    // machine compiles the standard library too, which takes a quarter less without optimising.
    GOFLAGS: `${flags.isDone ? flags.output : ''} -mod=mod -modcacherw ${GO_QUICKLY}`.trim(),
    GOCACHE: join(CACHE, 'go-build'),
    GOMODCACHE: join(CACHE, 'go-modules'),
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
  };
  const prepared = await prepareFolder(`go-${SDK_VERSIONS.go}`, async (folder) => {
    await must(go, ['mod', 'init', 'millrace.test/compat'], { folder, env });
    await must(go, ['get', `${GO_MODULE}@${SDK_VERSIONS.go}`], { folder, env });
    await must(go, ['build', GO_MODULE], { folder, env });
  });
  return prepared.ok ? { ok: true, go, env, folder: prepared.folder } : prepared;
}

/** Java with a class path that holds the SDK and all that it needs, for `java -cp` and `javac`. */
export async function prepareJava(): Promise<
  Found<{ java: string; javac: string; classpath: string }>
> {
  const found = await toolchain('java');
  if (!found.ok) return found;
  const { java, javac, maven } = found;
  const version = SDK_VERSIONS.java;
  const wanted = { groupId: 'com.segment.analytics.java', artifactId: 'analytics', version };
  const prepared = await prepareJars(`java-${version}`, maven, [wanted]);
  return prepared.ok ? { ok: true, java, javac, classpath: prepared.classpath } : prepared;
}

/** Java with a class path that holds Apache Kafka: `kafka.Kafka`, `kafka.tools.StorageTool`. */
export async function prepareKafka(): Promise<Found<{ java: string; classpath: string }>> {
  const found = await toolchain('java');
  if (!found.ok) return found;
  const { java, maven } = found;
  const wanted = { groupId: 'org.apache.kafka', artifactId: 'kafka_2.13', version: KAFKA_VERSION };
  const prepared = await prepareJars(`kafka-${KAFKA_VERSION}`, maven, [wanted]);
  return prepared.ok ? { ok: true, java, classpath: prepared.classpath } : prepared;
}

/** A folder from which `require('chdb')` gives ClickHouse's engine, for this platform. */
export async function prepareClickHouse(): Promise<Found<{ folder: string }>> {
  const npm = programInPath(['npm']);
  if (npm === undefined) return missing('npm is not in PATH');
  return prepareFolder(`chdb-${CHDB_VERSION}`, async (folder) => {
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    await must(npm, ['install', ...quiet, `chdb@${CHDB_VERSION}`], { folder });
    const engines = (await readdir(join(folder, 'node_modules/@chdb')).catch(() => [])).length;
    if (engines > 0) return;
    throw new Error(`no ClickHouse engine for ${process.platform} ${process.arch}`);
  });
}

interface Artifact {
  groupId: string;
  artifactId: string;
  version: string;
}

/** Artifacts with all that they need, as a class path. */
export async function prepareJars(
  name: string,
  maven: string,
  artifacts: readonly Artifact[],
): Promise<Found<{ classpath: string }>> {
  const prepared = await prepareFolder(name, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), pom(artifacts));
    const repository = `-Dmaven.repo.local=${join(CACHE, 'maven')}`;
    const args = ['-q', '-B', repository, 'dependency:copy-dependencies', '-DoutputDirectory=jars'];
    await must(maven, args, { folder });
  });
  if (!prepared.ok) return prepared;
  const jars = await readdir(join(prepared.folder, 'jars'));
  const classpath = jars.map((jar) => join(prepared.folder, 'jars', jar)).join(delimiter);
  return { ok: true, classpath };
}

async function probePython(): Promise<Found<{ python: string }>> {
  const python = programInPath(['python3', 'python']);
  if (python === undefined) return missing('Python 3 is not installed');
  // Debian ships Python without the part that makes environments with pip.
  const probe = await runCommand(python, ['-c', 'import venv, ensurepip'], { msMax: PROBE_MS_MAX });
  return probe.isDone ? { ok: true, python } : missing('Python has no venv (python3-venv)');
}

async function probeGo(): Promise<Found<{ go: string }>> {
  const go = programInPath(['go']);
  if (go === undefined) return missing('Go is not installed');
  const probe = await runCommand(go, ['version'], { msMax: PROBE_MS_MAX });
  return probe.isDone ? { ok: true, go } : missing(`go version fails: ${firstLine(probe.output)}`);
}

async function probeJava(): Promise<Found<{ java: string; javac: string; maven: string }>> {
  const java = programInPath(['java']);
  const javac = programInPath(['javac']);
  const maven = programInPath(['mvn']);
  if (java === undefined || javac === undefined) return missing('a Java JDK is not installed');
  if (maven === undefined) return missing('Maven is not installed');
  // Some systems have a placeholder named java that only offers an installer.
  const probe = await runCommand(javac, ['-version'], { msMax: PROBE_MS_MAX });
  if (!probe.isDone) return missing(`javac -version fails: ${firstLine(probe.output)}`);
  return { ok: true, java, javac, maven };
}

async function probeChromium(): Promise<Found<{ chromium: string }>> {
  const chosen = process.env[CHROMIUM_VARIABLE];
  const chromium = chosen ?? programInPath(CHROMIUM_NAMES);
  if (chromium === undefined) {
    return missing(`Chromium is neither in PATH nor named by ${CHROMIUM_VARIABLE}`);
  }
  const probe = await runCommand(chromium, ['--version'], { msMax: PROBE_MS_MAX });
  if (probe.isDone) return { ok: true, chromium };
  return missing(`${chromium} --version fails: ${firstLine(probe.output)}`);
}

async function probeNats(): Promise<Found<{ server: string }>> {
  // Debian puts servers where only root looks for programs.
  const server = programInPath(['nats-server'], ['/usr/sbin', '/usr/local/sbin']);
  if (server === undefined) return missing('nats-server is not installed');
  const probe = await runCommand(server, ['--version'], { msMax: PROBE_MS_MAX });
  if (probe.isDone) return { ok: true, server };
  return missing(`nats-server --version fails: ${firstLine(probe.output)}`);
}

/**
 * A folder in the cache that `make` filled completely. Made under another name and renamed when
 * whole, so that neither an interrupted run nor a second one beside us leaves half of it.
 */
export async function prepareFolder(
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<Found<{ folder: string }>> {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return { ok: true, folder };
  const draft = join(CACHE, `${name}.${randomUUID()}`);
  try {
    await mkdir(draft, { recursive: true });
    await make(draft);
    // Fails when another process was faster; its folder is as good.
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return { ok: true, folder };
  } catch (error) {
    return missing(error instanceof Error ? error.message : String(error));
  } finally {
    // Programs that were ended may have children that still write.
    await rm(draft, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function must(
  program: string,
  args: readonly string[],
  options: { folder?: string; env?: Record<string, string> },
): Promise<void> {
  const { isDone, output } = await runCommand(program, args, { ...options, msMax: PREPARE_MS_MAX });
  if (!isDone) throw new Error(`${[program, ...args].join(' ')} failed: ${output.slice(-2000)}`);
}

export function programInPath(
  names: readonly string[],
  moreFolders: readonly string[] = [],
): string | undefined {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const folders = [...inPath, ...moreFolders];
  for (const name of names) {
    const path = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (path !== undefined) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Absent, or not ours to run.
  }
}

export function missing(reason: string): Missing {
  return { ok: false, reason };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function pom(artifacts: readonly Artifact[]): string {
  const dependency = ({ groupId, artifactId, version }: Artifact): string => `
    <dependency>
      <groupId>${groupId}</groupId>
      <artifactId>${artifactId}</artifactId>
      <version>${version}</version>
    </dependency>`;
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace.test</groupId>
  <artifactId>compat</artifactId>
  <version>1</version>
  <dependencies>${artifacts.map(dependency).join('')}
  </dependencies>
</project>
`;
}
