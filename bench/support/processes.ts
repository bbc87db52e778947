/** The processes that a benchmark compares: Millrace as it ships, and a bare server. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the kernel's clock that counts CPU time; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Baseline {
  port: number;
  stop(): void;
}

/** A bare node:http server; see baseline-server.ts for what it does before it answers. */
export async function startBaseline(mode: 'read' | 'parse' | 'sync'): Promise<Baseline> {
  const file = fileURLToPath(new URL('./baseline-server.ts', import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bare-'));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', file, mode, join(folder, 'bodies')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.once('exit', () => void rm(folder, { recursive: true, force: true }));
  return { port: Number(line.toString()), stop: () => void child.kill() };
}

/** Resident bytes of a process. Only Linux tells. */
export function residentBytes(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}

/** Seconds of CPU that a process took so far, all its threads together. Only Linux tells. */
export function cpuSeconds(child: ChildProcess): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}
