/** The checks that read the code instead of running it, each a program with an exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The slowest one needs some seconds, and minutes beside other work. */
const CHECK_MS_MAX = 600_000;

/** Name, script relative to the checkout, arguments. */
export type Check = readonly [name: string, script: string, ...args: string[]];

/** All run under the Node that runs us. The first one makes what tests need. */
export const CHECKS: readonly Check[] = [
  ['dashboard (vite)', 'scripts/build-web.ts'],
  ['format (prettier)', 'node_modules/prettier/bin/prettier.cjs', '--check', '.'],
  ['lint (oxlint)', 'node_modules/oxlint/bin/oxlint', '--deny-warnings'],
  ['types (tsc)', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
  ['types of the dashboard (tsc)', 'node_modules/typescript/bin/tsc', '-p', 'web/tsconfig.json'],
  ['generated documents', 'scripts/generate-docs.ts', '--check'],
];

export interface CheckResult {
  isPassed: boolean;
  output: string;
  /** Wall time. */
  elapsedMs: number;
}

/** Runs a row of CHECKS. */
export async function runCheck(script: string, args: readonly string[]): Promise<CheckResult> {
  const startedMs = performance.now();
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: CHECK_MS_MAX,
      killSignal: 'SIGKILL',
      // Some tools colour whatever CI=true says; the output goes into a log.
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    },
  );
  let output = '';
  const keep = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal !== null) output += `\nended by ${signal} (limit ${CHECK_MS_MAX / 1000} s)\n`;
  return { isPassed: code === 0, output, elapsedMs: performance.now() - startedMs };
}
