/** A real server in a process of its own, on free ports and an empty folder. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { builtServer } from '../../scripts/built-server.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = join(ROOT, 'src/cli/main.ts');
/** As users run it; a file that is run alone, and not built since it changed, has the source. */
export const CLI = process.env['SERVER_UNDER_TEST'] ?? builtOrSource();
export const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];
/** The key of the source that every test server declares. */
export const WRITE_KEY = 'testWriteKey0123456789';
/** Never met by what works, on a machine that does ten things at once either. */
const START_MS = 120_000;
const VISIBLE_MS = 60_000;

export type Row = Record<string, unknown>;

export interface TestServerOptions {
  /** Sections of millrace.yaml, merged over the defaults of tests. */
  config?: Record<string, unknown>;
  /** Starts the source, whose modules can be replaced one by one, instead of what is built. */
  isFromSource?: boolean;
  /** An existing data folder; by default a new one, which `stop` removes. */
  folder?: string;
  env?: Record<string, string>;
}

export interface TestServer {
  url: string;
  adminUrl: string;
  folder: string;
  dataDir: string;
  configFile: string;
  writeKey: string;
  token: string;
  process: ChildProcess;
  /** Standard output and error so far. */
  output(): string;
  sql(query: string): Promise<Row[]>;
  /** Repeats a query until its rows satisfy the check; fails with the last rows or refusal. */
  sqlUntil(query: string, isDone: (rows: Row[]) => boolean): Promise<Row[]>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  cli(...args: string[]): Promise<CliResult>;
  /** Ends the process as an operator would; returns the exit code. Keeps the folder. */
  terminate(): Promise<number | null>;
  /** SIGKILL. Keeps the folder. */
  kill(): Promise<void>;
  /** Ends the process and removes the folder. */
  stop(): Promise<void>;
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function basicAuth(writeKey: string): string {
  return `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'millrace-test-')));
  const dataDir = join(folder, 'data');
  const configFile = join(folder, 'millrace.yaml');
  await writeFile(configFile, stringify(testConfig(dataDir, options.config ?? {})));
  const program = options.isFromSource ? SOURCE : CLI;
  const child = spawn(process.execPath, [...NODE_FLAGS, program, 'serve', '--config', configFile], {
    cwd: folder,
    env: { ...cleanEnv(), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exited = once(child, 'exit');
  await untilReady(child, () => text);
  const about = JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8')) as {
    collectorUrl: string;
    adminUrl: string;
  };
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  const url = about.collectorUrl.replace('localhost', '127.0.0.1');
  const { adminUrl } = about;

  const sql = async (query: string): Promise<Row[]> => {
    const response = await fetch(`${adminUrl}/sql`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ sql: query }),
    });
    const body = (await response.json()) as {
      columns: { name: string }[];
      rows: unknown[][];
      message?: string;
    };
    if (!response.ok) throw new Error(`SQL failed: ${body.message}`);
    const names = body.columns.map(({ name }) => name);
    return body.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  };
  return {
    url,
    adminUrl,
    folder,
    dataDir,
    configFile,
    writeKey: WRITE_KEY,
    token,
    process: child,
    output: () => text,
    sql,
    async sqlUntil(query, isDone) {
      const endMs = performance.now() + VISIBLE_MS;
      for (;;) {
        const found = await sql(query).catch(whyNotYet);
        if (Array.isArray(found) && isDone(found)) return found;
        if (performance.now() > endMs) {
          const last = Array.isArray(found) ? JSON.stringify(found) : found.message;
          throw new Error(`not so in ${VISIBLE_MS} ms: ${query}\n${last}`);
        }
        await sleep(50);
      }
    },
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Authorization: basicAuth(WRITE_KEY),
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    cli: (...args) => runCli([...args, '--config', configFile], { cwd: folder }),
    terminate: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    async stop() {
      await end('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function builtOrSource(): string {
  const { main, isBuilt } = builtServer();
  return isBuilt ? main : SOURCE;
}

/** A table and a column begin with their first event: a query that names one can be too early. */
function whyNotYet(error: unknown): Error {
  if (error instanceof Error && /(?:Binder|Catalog) Error/.test(error.message)) return error;
  throw error;
}

/** Runs a command of the command line to its end. */
export async function runCli(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnv(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

function testConfig(dataDir: string, given: Record<string, unknown>): Record<string, unknown> {
  const defaults: Record<string, Record<string, unknown>> = {
    collector: { port: 0, host: '127.0.0.1', threads: 1 },
    admin: { port: 0 },
    logging: { level: 'warn' },
    limits: { requestsPerSecond: 1_000_000 },
  };
  const merged: Record<string, unknown> = {
    dataDir,
    sources: [{ name: 'Test', slug: 'test', writeKeys: [WRITE_KEY] }],
    ...given,
  };
  for (const [section, values] of Object.entries(defaults)) {
    merged[section] = { ...values, ...(given[section] as Record<string, unknown> | undefined) };
  }
  return merged;
}

/** Settings of the shell that runs the tests must not steer the servers under test. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('MILLRACE_') && name !== 'NODE_TEST_CONTEXT',
  );
  return Object.fromEntries(entries);
}

async function untilReady(child: ChildProcess, output: () => string): Promise<void> {
  const endMs = performance.now() + START_MS;
  while (!output().includes('Millrace is ready')) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the server ended at its start:\n${output()}`);
    }
    if (performance.now() > endMs) throw new Error(`not ready in ${START_MS} ms:\n${output()}`);
    await sleep(20);
  }
  // The last line of the welcome follows at once; server.json is written before it.
}
