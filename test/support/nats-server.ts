/** A real nats-server with JetStream in a folder of its own, which can be killed and frozen. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export interface NatsServer {
  port: number;
  kill(): Promise<void>;
  /** Once more, after `kill`, on the same port and data. */
  start(): Promise<void>;
  /** Stops it in its tracks: connections stay open, and nobody answers. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** @param configuration more of the server's own configuration: logins, TLS. */
export async function startNatsServer(program: string, configuration = ''): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-nats-'));
  const port = await freePort();
  const file = join(folder, 'nats.conf');
  const own = [
    'host: "127.0.0.1"',
    `port: ${port}`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, 'data'))} }`,
  ];
  await writeFile(file, [...own, configuration, ''].join('\n'));
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    if (child) return;
    const started = spawn(program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    child = started;
    let output = '';
    started.stderr.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-4_000)));
    await until('nats-server listens', async () => {
      if (started.exitCode !== null) throw new Error(`nats-server ended: ${output}`);
      return output.includes('Server is ready') && (await isListening(port));
    });
  };
  const kill = async (): Promise<void> => {
    const killed = child;
    child = undefined;
    if (!killed || killed.exitCode !== null) return;
    const ended = new Promise((resolve) => killed.once('exit', resolve));
    killed.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    port,
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
