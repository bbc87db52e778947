/** Questions to a thread, each answered by the message that bears its number. */
import { MillraceError } from '../base/errors.ts';

export interface ThreadQuestions {
  /**
   * @param send gets the number of the question.
   * @throws MillraceError UNAVAILABLE when the thread ends before it answers
   */
  ask<Answer>(send: (id: number) => void): Promise<Answer>;
  answer(id: number, answer: unknown): void;
  refuse(id: number, error: Error): void;
  /** The thread has ended: nobody answers any more. */
  endAll(): void;
}

/** @param what restarts, as people read it: `The lake`. */
export function createThreadQuestions(what: string): ThreadQuestions {
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  const take = (id: number) => {
    const question = waiting.get(id);
    waiting.delete(id);
    return question;
  };
  return {
    ask<Answer>(send: (id: number) => void) {
      const id = ++lastId;
      return new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve: (answer) => resolve(answer as Answer), reject });
        send(id);
      });
    },
    answer: (id, answer) => take(id)?.resolve(answer),
    refuse: (id, error) => take(id)?.reject(error),
    endAll() {
      for (const { reject } of waiting.values()) reject(restarting(what));
      waiting.clear();
    },
  };
}

/** What whoever asks a thread is told while it is away. */
export function restarting(what: string): MillraceError {
  return new MillraceError('UNAVAILABLE', `${what} restarts; try again`);
}
