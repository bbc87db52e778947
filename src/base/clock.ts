/**
 * The only door to time. Wall time is data (it is stored, never waited on); durations, deadlines
 * and rate limits use the monotonic clock, which is comparable between the threads of a process.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Milliseconds, fractional, never going back, same origin in every thread of the process. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs something after `ms` unless what it returns is called before. Cheaper than `sleep`. */
  after(ms: number, run: () => void): () => void;
}

function monotonicOffsetMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

const offsetMs = monotonicOffsetMs();

/** Why a wait ended that nobody needs any more. Made once: each new reason takes a stack trace. */
export const NOT_NEEDED = new Error('not needed any more');

/** The machine's clock. */
export const systemClock: Clock = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now() + offsetMs,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
