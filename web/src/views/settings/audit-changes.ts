/** What differs between two states of something. */

/** One value that is not what it was. `undefined`: it was not there, or is no more. */
export interface Change {
  path: string;
  before: unknown;
  after: unknown;
}

/** The values that differ, by their paths. Lists are one value each. */
export function changesOf(before: unknown, after: unknown, path = ''): Change[] {
  if (isObject(before) || isObject(after)) {
    const [old, fresh] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
    const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])];
    return names.flatMap((name) =>
      changesOf(old[name], fresh[name], path === '' ? name : `${path}.${name}`),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
