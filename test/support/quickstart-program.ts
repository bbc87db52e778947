/** Runs a program of docs/quickstart.md with the toolchain of its language. */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { prepareReactNative } from '../../scripts/quickstart-toolchains.ts';
import { prepareGo, prepareJava, preparePython } from '../../scripts/toolchains.ts';
import { ROOT } from './test-server.ts';
import { LOCALHOST_CERTIFICATE } from './tls-front.ts';

export interface ProgramStart {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
}

export type Language = 'node' | 'python' | 'go' | 'java' | 'react-native';

type Starter = (code: string, folder: string) => Promise<ProgramStart>;

/** Says how to start a program of a language, or why this machine cannot. */
const STARTERS: Record<Language, () => Promise<Starter | { reason: string }>> = {
  async node() {
    return async (code) => ({
      command: process.execPath,
      args: [await packageFile(code)],
    });
  },
  async python() {
    const found = await preparePython();
    if (!found.ok) return found;
    return async (code, folder) => {
      const file = await written(join(folder, 'quickstart.py'), code);
      return { command: found.python, args: [file] };
    };
  },
  async go() {
    const found = await prepareGo();
    if (!found.ok) return found;
    return async (code, folder) => {
      for (const name of ['go.mod', 'go.sum']) {
        await copyFile(join(found.folder, name), join(folder, name));
      }
      await written(join(folder, 'main.go'), code);
      const program = join(folder, 'program');
      const options = { cwd: folder, env: { ...process.env, ...found.env } };
      await promisify(execFile)(found.go, ['build', '-o', program, '.'], options);
      return { command: program, args: [] };
    };
  },
  async java() {
    const found = await prepareJava();
    if (!found.ok) return found;
    return async (code, folder) => {
      const file = await written(join(folder, 'Quickstart.java'), code);
      return { command: found.java, args: ['-cp', found.classpath, file] };
    };
  },
  async 'react-native'() {
    const found = await prepareReactNative();
    if (!found.ok) return found;
    return async (code, folder) => {
      await symlink(join(found.folder, 'node_modules'), join(folder, 'node_modules'));
      // By itself it sends every 30 seconds.
      const file = await written(
        join(folder, 'quickstart.mjs'),
        `${code}\nsetInterval(() => analytics.flush(), 500);\n`,
      );
      return {
        command: process.execPath,
        args: [file],
        // What is not installed is looked for there.
        env: {
          NODE_PATH: join(ROOT, 'test/fixtures/react-native'),
          NODE_EXTRA_CA_CERTS: LOCALHOST_CERTIFICATE,
        },
      };
    };
  },
};

export interface RunningProgram {
  /** Standard output and error so far. */
  output(): string;
  /** Ends it, if it has not ended, and removes its files. */
  end(): Promise<void>;
}

export interface QuickstartRunner {
  start(code: string, env: Record<string, string>): Promise<RunningProgram>;
}

/** A runner, or why this machine cannot run programs of the language. */
export async function quickstartRunner(
  language: Language,
): Promise<QuickstartRunner | { reason: string }> {
  const starter = await STARTERS[language]();
  if (typeof starter !== 'function') return { reason: starter.reason };
  return {
    async start(code, env) {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-quickstart-'));
      const { command, args, env: own } = await starter(code, folder);
      const program = startProgram({ command, args, env: { ...env, ...own } });
      return {
        output: program.output,
        async end() {
          await program.end();
          await rm(folder, { recursive: true, force: true });
          if (language === 'node') await rm(args[0] ?? '', { force: true });
        },
      };
    },
  };
}

/** Starts a program that is ended by whoever started it. */
export function startProgram({ command, args, env = {} }: ProgramStart): RunningProgram {
  const child = spawn(command, args, {
    env: { ...process.env, ...env, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return {
    output: () => text,
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** A file from which packages of this checkout are found, as from an application of a reader. */
export async function packageFile(code: string): Promise<string> {
  const folder = join(ROOT, 'node_modules/.cache/millrace-quickstart');
  await mkdir(folder, { recursive: true });
  return written(join(folder, `${randomUUID()}.mjs`), code);
}

async function written(file: string, code: string): Promise<string> {
  await writeFile(file, code);
  return file;
}
