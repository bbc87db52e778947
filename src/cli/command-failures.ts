/** Failures on the command line: one line for people, one object for machines, one exit code. */
import { CommanderError } from 'commander';
import { MillraceError, toError } from '../base/errors.ts';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof CommanderError)) return EXIT.failed;
  return error.exitCode === 0 ? EXIT.done : EXIT.usage;
}

/** When nobody reads the output any more, as behind `| head`, there is nothing left to do. */
export function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
}

/** Writes to standard error. A stack is only shown for what should never happen. */
export function reportFailure(error: unknown, isJson: boolean): void {
  const { message, stack } = toError(error);
  const known = error instanceof MillraceError ? error : undefined;
  if (isJson) {
    const body = {
      code: known?.code ?? 'INTERNAL',
      message,
      ...(known?.field && { field: known.field }),
    };
    process.stderr.write(`${JSON.stringify({ error: body })}\n`);
  } else {
    process.stderr.write(`millrace: ${known ? message : (stack ?? message)}\n`);
  }
}
