#!/usr/bin/env node
/**
 * Runs a TypeScript file of this checkout with Node 24, from any folder and from any Node >= 20:
 * installs dependencies on first use, finds Node 24 among them when this Node is older, and hands
 * over terminal, signals and exit code. Plain JavaScript without dependencies, because it runs
 * before there are any.
 *
 *   node scripts/run.mjs <file.ts, relative to the checkout> [arguments]
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync, utimesSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtServer } from './built-server.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const NODE_MAJOR_MIN = 24;
const SERVER = 'src/cli/main.ts';
const ERROR_LINES_MAX = 40;
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** A terminal sends these to its whole foreground group, so the child has them already. */
const SENT_BY_TERMINAL = new Set(['SIGINT', 'SIGHUP']);

/**
 * Runs `file` (relative to the checkout) with the arguments, in the caller's folder, and ends
 * this process as it ended: same exit code, same signal.
 * @param {string} file
 * @param {readonly string[]} args
 */
export function run(file, args) {
  if (!isInstalled()) install();
  const program = file === SERVER ? server(args.includes('serve')) : resolve(ROOT, file);
  const child = spawn(findNode(), ['--disable-warning=ExperimentalWarning', program, ...args], {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(MODULES, '.cache', 'compile'),
    },
  });
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!(hasTerminal && SENT_BY_TERMINAL.has(signal))) child.kill(signal);
    });
  }
  child.on('error', (error) => fail(`Cannot start Node ${NODE_MAJOR_MIN}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const forwarded of FORWARDED) process.removeAllListeners(forwarded);
    process.kill(process.pid, signal);
    // Only reached when this process ignores the signal (SIGHUP under nohup): say it in the code.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}

/**
 * The program as it is built, else its source: it does the same and starts slower.
 * @param {boolean} isServing then the dashboard is built too, and what could not be is said.
 */
function server(isServing) {
  if (isServing && !build('scripts/build-web.ts', 'inherit')) {
    process.stderr.write('The dashboard could not be built; the server says so in its place.\n');
  }
  const { main, isBuilt } = builtServer();
  if (isBuilt || build('scripts/build-server.ts', isServing ? 'inherit' : 'ignore')) return main;
  if (isServing) process.stderr.write('The server runs from its source and starts slower.\n');
  return resolve(ROOT, SERVER);
}

/**
 * Does nothing when it is built already.
 * @param {string} script
 * @param {'inherit' | 'ignore'} stderr
 * @returns {boolean} false when it could not be built
 */
function build(script, stderr) {
  const { status } = spawnSync(
    findNode(),
    ['--disable-warning=ExperimentalWarning', join(ROOT, script)],
    { stdio: ['ignore', 'ignore', stderr] },
  );
  return status === 0;
}

/** True when node_modules holds what package-lock.json asks for. */
function isInstalled() {
  const wanted = join(ROOT, 'package-lock.json');
  const installed = join(MODULES, '.package-lock.json');
  if (!existsSync(wanted)) return true;
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return true;
  // A checkout or `npm install` may touch the file without changing what it asks for.
  if (!isSameTree(packagesOf(wanted), packagesOf(installed))) return false;
  remember(installed);
  return true;
}

/** So that the next start need not compare. @param {string} installed */
function remember(installed) {
  const now = new Date();
  try {
    utimesSync(installed, now, now);
  } catch {
    // Another user's checkout: it is compared at each start.
  }
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {};
}

function isSameTree(wanted, installed) {
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? optional === true : found.version === version;
  });
}

function install() {
  process.stderr.write('Installing dependencies (first start)…\n');
  const result = npm('ci');
  if (result.isDone) return;
  // npm puts the cause first and its whole help text after it.
  fail(`npm failed:\n${result.output.split('\n').slice(0, ERROR_LINES_MAX).join('\n')}`);
}

/**
 * @param {...string} command
 * @returns {{ isDone: boolean, output: string }}
 */
function npm(...command) {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  // With NODE_ENV=production as well: the dashboard is built with what only development needs.
  const args = [...command, '--include=dev', '--ignore-scripts', ...quiet];
  // Under `npm start` this is the npm that runs us; it is a script, so it needs no shell.
  const script = process.env['npm_execpath'];
  const isScript = script?.endsWith('npm-cli.js') === true;
  const { status, stdout, stderr, error } = spawnSync(
    isScript ? process.execPath : 'npm',
    isScript ? [script, ...args] : args,
    { cwd: ROOT, encoding: 'utf8', shell: process.platform === 'win32' && !isScript },
  );
  return {
    isDone: status === 0,
    output: `${error?.message ?? ''}${stderr ?? ''}${stdout ?? ''}`,
  };
}

/** This Node when it is new enough, else the one that npm installed for this platform. */
function findNode() {
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  // The name that has releases of this line for Apple Silicon is another one.
  const prefix = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${platform}-${process.arch}`;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  const path = join(MODULES, name, 'bin', program);
  if (existsSync(path)) return path;
  return fail(
    `Millrace needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}, and npm has not ` +
      `installed ${name}. Install Node ${NODE_MAJOR_MIN} and try again.`,
  );
}

/** @returns {never} */
function fail(message) {
  process.stderr.write(`${message.trimEnd()}\n`);
  process.exit(1);
}

function isMain() {
  const [, script] = process.argv;
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

if (isMain()) {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) fail('Usage: node scripts/run.mjs <file.ts> [arguments]');
  run(file, args);
}
