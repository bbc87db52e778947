/** Runs a program to its end and keeps what it said. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  /** Exit code 0 within the time limit. */
  isDone: boolean;
  /** Standard output and error together, trimmed; when it cannot start, the reason. */
  output: string;
}

export interface CommandOptions {
  /** Wall time; then it is killed and has failed. */
  msMax: number;
  folder?: string;
  /** Added to our own environment. */
  env?: Record<string, string>;
}

/** Never throws: a program that is missing is a result that is not done. */
export function runCommand(
  program: string,
  args: readonly string[],
  { msMax, folder, env }: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: msMax,
      killSignal: 'SIGKILL',
      env: { ...process.env, ...env },
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    let output = '';
    const keep = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', ({ message }) => resolve({ isDone: false, output: message }));
    child.on('close', (code, signal) => {
      if (signal !== null) output += `\n${program} was ended by ${signal} (limit ${msMax} ms)`;
      resolve({ isDone: code === 0, output: output.trim() });
    });
  });
}
