/** Thrown when an invariant of our own code is broken; never caused by input. Stops the thread. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Asserts an invariant. Input errors are values or MillraceError, never this. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
