/** Passwords as the admin listener sees them: a short queue before one slow thread. */
import { Worker } from 'node:worker_threads';
import { MillraceError } from '../base/errors.ts';
import type { PasswordAnswer, PasswordOrder } from './password-thread.ts';

export interface Passwords {
  /** @throws MillraceError UNAVAILABLE when too many wait. */
  hash(password: string): Promise<string>;
  /** @param hashed null takes as long and is false. @throws as `hash` */
  verify(password: string, hashed: string | null): Promise<boolean>;
  stop(): Promise<void>;
}

/** Each takes most of a second and 128 MiB. */
const QUEUE_MAX = 8;
/** The thread ends when nobody signs in, and its memory with it. */
const IDLE_MS = 30_000;

export function createPasswords(): Passwords {
  const waiting = new Map<
    number,
    { resolve(answer: PasswordAnswer): void; reject(error: Error): void }
  >();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;

  const start = (): Worker => {
    const started = new Worker(new URL('./password-thread.ts', import.meta.url), {
      name: 'passwords',
    });
    started.on('message', (answer: PasswordAnswer) => {
      waiting.get(answer.id)?.resolve(answer);
      waiting.delete(answer.id);
      if (waiting.size === 0) idle = setTimeout(() => void stop(), IDLE_MS).unref();
    });
    started.on('error', (error: Error) => {
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      worker = undefined;
    });
    started.unref();
    return started;
  };
  const stop = async (): Promise<void> => {
    clearTimeout(idle);
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  };
  const ask = (order: PasswordOrder): Promise<PasswordAnswer> => {
    if (waiting.size >= QUEUE_MAX) {
      return Promise.reject(new MillraceError('UNAVAILABLE', 'Too many sign-ins; try again'));
    }
    clearTimeout(idle);
    worker ??= start();
    const own = worker;
    return new Promise((resolve, reject) => {
      waiting.set(order.id, { resolve, reject });
      own.postMessage(order);
    });
  };
  return {
    async hash(password) {
      const { hashed = '' } = await ask({ id: ++lastId, kind: 'hash', password });
      return hashed;
    },
    async verify(password, hashed) {
      const answer = await ask({ id: ++lastId, kind: 'verify', password, hashed });
      return answer.isRight === true;
    },
    stop,
  };
}
