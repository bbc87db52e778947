/**
 * SDKs that `npm run compat` runs beside those of the tests: Kotlin, Rust, Ruby, PHP, and packages
 * of npm that only run in a browser. As in toolchains.ts each is fetched by the tool of its
 * language into the cache, pinned; where that is not to be had the answer is `{ok: false, reason}`.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KOTLIN_SDK, prepareKotlinJars } from './quickstart-toolchains.ts';
import { CACHE, missing, must, prepareFolder, programInPath, toolchain } from './toolchains.ts';
import type { Found } from './toolchains.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DRIVERS = join(ROOT, 'test/compat/drivers');
/** What the front between SDK and server shows to those that speak https only. */
const CERTIFICATE = join(ROOT, 'test/fixtures/tls/localhost-cert.pem');
const STORE_PASSWORD = 'millrace';

/** Fixed, so that a new release of an SDK shows up as a change of this file. */
export const MATRIX_VERSIONS = {
  kotlin: KOTLIN_SDK,
  'rust-segment': '0.2.6',
  'rust-rudder': '2.0.1',
  ruby: '2.5.0',
  php: '3.8.2',
  'rudder-js': '3.34.1',
  jitsu: '1.11.0',
} as const;

export interface Started {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
}

/** The driver, compiled by Kotlin's compiler from Maven, with a store that trusts the front. */
export async function prepareKotlin(): Promise<Found<Started>> {
  const found = await prepareKotlinJars();
  if (!found.ok) return found;
  const { java, keytool, classpath } = found;
  const prepared = await prepareDriver('kotlin', ['driver.kt'], async (folder) => {
    const compile = ['-no-stdlib', '-no-reflect', '-cp', classpath, '-d', join(folder, 'classes')];
    const main = 'org.jetbrains.kotlin.cli.jvm.K2JVMCompiler';
    await must(java, ['-cp', classpath, main, ...compile, join(folder, 'driver.kt')], {});
    const store = ['-keystore', join(folder, 'trust.p12'), '-storepass', STORE_PASSWORD];
    const trust = ['-importcert', '-noprompt', '-alias', 'front', '-file', CERTIFICATE];
    await must(keytool, [...trust, ...store], {});
  });
  if (!prepared.ok) return prepared;
  const trustStore = join(prepared.folder, 'trust.p12');
  return {
    ok: true,
    command: java,
    args: [
      `-Djavax.net.ssl.trustStore=${trustStore}`,
      `-Djavax.net.ssl.trustStorePassword=${STORE_PASSWORD}`,
      '-cp',
      [classpath, join(prepared.folder, 'classes')].join(delimiter),
      'DriverKt',
    ],
  };
}

/** The driver of a crate, built by cargo. */
export async function prepareRust(name: 'rust-segment' | 'rust-rudder'): Promise<Found<Started>> {
  const cargo = programInPath(['cargo']);
  if (cargo === undefined) return missing('Rust (cargo) is not installed');
  const prepared = await prepareDriver(name, [`${name}.rs`], async (folder) => {
    await mkdir(join(folder, 'src'));
    await copyFile(join(folder, `${name}.rs`), join(folder, 'src/main.rs'));
    await writeFile(join(folder, 'Cargo.toml'), cargoManifest(name));
    // One folder for both: most of what they need is the same.
    const target = join(CACHE, 'cargo-target');
    await must(cargo, ['build', '--quiet'], { folder, env: { CARGO_TARGET_DIR: target } });
    await copyFile(join(target, 'debug', name), join(folder, 'driver'));
  });
  if (!prepared.ok) return prepared;
  return { ok: true, command: join(prepared.folder, 'driver'), args: [] };
}

/** The gem, or a checkout of the SDK that MILLRACE_COMPAT_RUBY names. */
export async function prepareRuby(): Promise<Found<Started>> {
  const ruby = programInPath(['ruby']);
  if (ruby === undefined) return missing('Ruby is not installed');
  const version = MATRIX_VERSIONS.ruby;
  const library = await libraryOf('MILLRACE_COMPAT_RUBY', async () => {
    const gem = programInPath(['gem']);
    if (gem === undefined) return missing('RubyGems (gem) is not installed');
    return prepareFolder(`ruby-${version}`, async (folder) => {
      const quiet = ['--no-document', '--silent', '--install-dir', folder];
      await must(gem, ['install', 'analytics-ruby', '--version', version, ...quiet], {});
    });
  });
  if (!library.ok) return library;
  const gemFolder = join(library.folder, `gems/analytics-ruby-${version}`);
  const base = existsSync(gemFolder) ? gemFolder : library.folder;
  return {
    ok: true,
    command: ruby,
    args: ['-I', join(base, 'lib'), join(DRIVERS, 'ruby.rb')],
    env: { SSL_CERT_FILE: CERTIFICATE },
  };
}

/** The Composer package, or a checkout of the SDK that MILLRACE_COMPAT_PHP names. */
export async function preparePhp(): Promise<Found<Started>> {
  const php = programInPath(['php']);
  if (php === undefined) return missing('PHP is not installed');
  const version = MATRIX_VERSIONS.php;
  const library = await libraryOf('MILLRACE_COMPAT_PHP', async () => {
    const composer = programInPath(['composer']);
    if (composer === undefined) return missing('Composer is not installed');
    const prepared = await prepareFolder(`php-${version}`, async (folder) => {
      const wanted = `segmentio/analytics-php:${version}`;
      await must(composer, ['require', '--no-interaction', '--quiet', wanted], { folder });
    });
    return prepared.ok ? { ok: true, folder: join(prepared.folder, 'vendor') } : prepared;
  });
  if (!library.ok) return library;
  const trust = ['-d', `curl.cainfo=${CERTIFICATE}`, '-d', `openssl.cafile=${CERTIFICATE}`];
  return { ok: true, command: php, args: [...trust, join(DRIVERS, 'php.php'), library.folder] };
}

/** A page with the SDK in Chromium; without `version` the package is one of ours. */
export async function prepareBrowser(
  driver: 'segment' | 'consent' | 'rudder' | 'jitsu',
  packageName: string,
  { version, entry = '' }: { version?: string; entry?: string } = {},
): Promise<Found<Started>> {
  const found = await toolchain('chromium');
  if (!found.ok) return found;
  const modules = version === undefined ? ROOT : await prepareNpm(packageName, version);
  if (typeof modules !== 'string') return modules;
  return {
    ok: true,
    command: process.execPath,
    args: [join(DRIVERS, 'browser.mjs'), driver],
    env: {
      MILLRACE_COMPAT_CHROMIUM: found.chromium,
      MILLRACE_COMPAT_MODULES: modules,
      MILLRACE_SDK: join(packageName, entry),
    },
  };
}

async function prepareNpm(
  name: string,
  version: string,
): Promise<string | { ok: false; reason: string }> {
  const npm = programInPath(['npm']);
  if (npm === undefined) return missing('npm is not in PATH');
  const cache = `npm-${name.replace(/\W+/g, '-')}-${version}`;
  const prepared = await prepareFolder(cache, async (folder) => {
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
    await must(npm, ['install', ...quiet, `${name}@${version}`], { folder });
  });
  return prepared.ok ? prepared.folder : prepared;
}

/** A folder that a variable names, for machines that reach no registry of that language. */
async function libraryOf(
  variable: string,
  install: () => Promise<Found<{ folder: string }>>,
): Promise<Found<{ folder: string }>> {
  const named = process.env[variable];
  if (named !== undefined) return { ok: true, folder: named };
  const found = await install();
  if (found.ok) return found;
  process.stderr.write(`${found.reason}\n`);
  return missing(`its package cannot be installed here; ${variable} can name a checkout of it`);
}

/** A folder of the cache for this very text of the driver, built once. */
async function prepareDriver(
  name: string,
  files: readonly string[],
  build: (folder: string) => Promise<void>,
): Promise<Found<{ folder: string }>> {
  const version = MATRIX_VERSIONS[name as keyof typeof MATRIX_VERSIONS];
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(join(DRIVERS, file)));
  const digest = hash.digest('hex').slice(0, 12);
  return prepareFolder(`driver-${name}-${version}-${digest}`, async (folder) => {
    for (const file of files) await copyFile(join(DRIVERS, file), join(folder, file));
    await build(folder);
  });
}

function cargoManifest(name: 'rust-segment' | 'rust-rudder'): string {
  const crate = name === 'rust-segment' ? 'segment' : 'rudderanalytics';
  return `[package]
name = "${name}"
version = "1.0.0"
edition = "2021"

[dependencies]
${crate} = "=${MATRIX_VERSIONS[name]}"
serde_json = "1"
tokio = { version = "1", features = ["rt", "macros", "time"] }
reqwest = { version = "0.12", default-features = false }
`;
}
