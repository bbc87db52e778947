/** What a button or a form does: one run at a time, and what went wrong in the last one. */
import { useState } from 'preact/hooks';
import { ApiError } from './admin-api.ts';

export interface Task {
  isRunning: boolean;
  error: Error | undefined;
  /** What the server says is wrong with a field of the request, by its name. */
  problemOf(field: string): string | undefined;
  /** Runs one at a time; resolves to false when it failed, and keeps the error. */
  run(work: () => Promise<unknown>): Promise<boolean>;
}

export function useTask(): Task {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<Error | undefined>();
  return {
    isRunning,
    error,
    problemOf: (field) =>
      error instanceof ApiError && error.field === field ? error.message : undefined,
    async run(work) {
      if (isRunning) return false;
      setRunning(true);
      setError(undefined);
      try {
        await work();
        return true;
      } catch (failure) {
        setError(failure instanceof Error ? failure : new Error(String(failure)));
        return false;
      } finally {
        setRunning(false);
      }
    },
  };
}
