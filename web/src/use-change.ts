/** What a button does to something that is shown: asked about, done, said, and loaded again. */
import { say } from './parts/toast.tsx';
import { useTask } from './use-task.ts';
import type { Task } from './use-task.ts';

export interface ChangeWords {
  /** Asked first; for what nobody can take back. */
  ask?: string;
  /** Said when it is done. */
  done?: string;
}

export interface Change extends Task {
  make(work: () => Promise<unknown>, words?: ChangeWords): void;
}

/** @param onChanged loads again what is shown. */
export function useChange(onChanged: () => void): Change {
  const task = useTask();
  return {
    ...task,
    make(work, { ask, done } = {}) {
      if (ask !== undefined && !window.confirm(ask)) return;
      void task.run(async () => {
        await work();
        if (done !== undefined) say(done);
        onChanged();
      });
    },
  };
}
