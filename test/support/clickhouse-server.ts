/** The engine of ClickHouse as a server on a free port; the engine is fetched at first use. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareClickHouse } from '../../scripts/toolchains.ts';
import { NODE_FLAGS, ROOT } from './test-server.ts';

const START_MS = 60_000;
const PROGRAM = join(ROOT, 'test/support/clickhouse-process.ts');

export interface ClickHouseServer {
  url: string;
  port: number;
  password: string;
  query(text: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** A reason why this machine cannot run it, or false; for the `skip` of tests. */
export async function clickHouseSkip(): Promise<string | false> {
  const prepared = await prepareClickHouse();
  return prepared.ok ? false : prepared.reason;
}

/** Starts it in an empty folder; `stop` removes all of it. */
export async function startClickHouse(): Promise<ClickHouseServer> {
  const prepared = await prepareClickHouse();
  if (!prepared.ok) throw new Error(prepared.reason);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-clickhouse-'));
  const password = 'correct horse';
  const child = fork(PROGRAM, [folder, password, prepared.folder], { execArgv: NODE_FLAGS });
  const exited = once(child, 'exit');
  const remove = () => rm(folder, { recursive: true, force: true });
  const started = once(child, 'message', { signal: AbortSignal.timeout(START_MS) });
  const first = await Promise.race([started, exited.then(() => null)]).catch(async (error) => {
    child.kill('SIGKILL');
    await remove();
    throw error;
  });
  if (first === null) {
    await remove();
    throw new Error('the process of ClickHouse ended');
  }
  const port = Number(first[0]);
  const url = `http://127.0.0.1:${port}/`;
  return {
    url,
    port,
    password,
    async query(text) {
      const headers = { 'x-clickhouse-user': 'default', 'x-clickhouse-key': password };
      const answer = await fetch(url, { method: 'POST', body: text, headers });
      const body = await answer.text();
      if (!answer.ok) throw new Error(body);
      const lines = body.split('\n').filter((line) => line.startsWith('{'));
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
      await remove();
    },
  };
}
