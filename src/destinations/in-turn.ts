/** Work that may not overtake other work of the same key; different keys do not wait. */

/** The end of the latest work of each key, while there is any. */
export type Turns<Key> = Map<Key, Promise<void>>;

/** Begins when all earlier work of the key has ended, well or not. */
export function inTurn<Key, Result>(
  turns: Turns<Key>,
  key: Key,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = turns.get(key) ?? Promise.resolve();
  const result = before.then(work);
  const forget = (): void => {
    if (turns.get(key) === ended) turns.delete(key);
  };
  const ended = result.then(forget, forget);
  turns.set(key, ended);
  return result;
}
