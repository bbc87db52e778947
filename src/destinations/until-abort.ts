/** For libraries whose calls cannot be aborted. */

/**
 * The result of a call, or of `instead` as soon as the signal aborts. The call itself goes on:
 * `instead` has to end what it needs, and what it comes to is then forgotten.
 */
export async function untilAbort<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
  instead: () => T,
): Promise<T> {
  if (signal.aborted) return instead();
  const aborted = Promise.withResolvers<T>();
  const onAbort = (): void => aborted.resolve(instead());
  signal.addEventListener('abort', onAbort, { once: true });
  const called = call();
  called.catch(() => undefined); // After an abort nobody waits for it.
  try {
    return await Promise.race([called, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
