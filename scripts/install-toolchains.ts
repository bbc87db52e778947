/**
 * Installs what test/compat and test/destinations need beyond Node, in CI on Debian and its
 * children. Elsewhere it does nothing: nobody's own machine is changed by running the tests.
 */
import { existsSync } from 'node:fs';
import { runCommand } from './run-command.ts';
import { toolchain } from './toolchains.ts';
import type { ToolchainName } from './toolchains.ts';

const APT_GET = '/usr/bin/apt-get';
const INSTALL_MS_MAX = 600_000;
const PACKAGES: Record<ToolchainName, readonly string[]> = {
  python: ['python3', 'python3-venv'],
  go: ['golang-go'],
  java: ['default-jdk-headless', 'maven'],
  chromium: ['chromium'],
  nats: ['nats-server'],
};

/**
 * Installs the packages of missing toolchains. A failure is printed and not thrown: the tests that
 * lack their toolchain say so, and with CI=true that fails the run.
 */
export async function installToolchains(print: (text: string) => void): Promise<void> {
  if (process.getuid?.() !== 0 || !existsSync(APT_GET)) return;
  const names = Object.keys(PACKAGES) as ToolchainName[];
  const found = await Promise.all(names.map((name) => toolchain(name)));
  const packages = names.flatMap((name, at) => (found[at]?.ok === true ? [] : PACKAGES[name]));
  if (packages.length === 0) return;

  print(`\n== toolchains: installing ${packages.join(', ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { isDone, output } = await runCommand(APT_GET, args, { msMax: INSTALL_MS_MAX, env });
    if (!isDone) return print(`apt-get ${args.join(' ')} failed:\n${output}`);
  }
}
