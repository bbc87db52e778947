/**
 * `${NAME}` in the settings of declared destinations and in `store.url` is taken from the
 * environment, so that a configuration can be kept in version control without its secrets. Nowhere
 * else: event filters and templates may hold the same characters.
 */
import type { Environment } from './environment.ts';

const REFERENCE = /\$\{([A-Z][A-Z0-9_]*)\}/g;
const DEPTH_MAX = 32;

/** Replaces references in place; returns a problem for each variable that is not set. */
export function interpolateSettings(raw: Record<string, unknown>, env: Environment): string[] {
  const problems: string[] = [];
  const { store } = raw;
  if (typeof store === 'object' && store !== null && 'url' in store) {
    store.url = replaced(store.url, 'store.url', { env, problems });
  }
  for (const [at, destination] of objectsOf(raw['destinations'])) {
    if (destination['settings'] === undefined) continue;
    const path = `destinations[${at}].settings`;
    destination['settings'] = replaced(destination['settings'], path, { env, problems });
  }
  return problems;
}

/** For a document of configuration as code: also its write keys and alert channels. */
export function interpolateDocument(raw: Record<string, unknown>, env: Environment): string[] {
  const problems = interpolateSettings(raw, env);
  for (const [at, source] of objectsOf(raw['sources'])) {
    for (const [keyAt, writeKey] of objectsOf(source['writeKeys'])) {
      if (writeKey['key'] === undefined) continue;
      const path = `sources[${at}].writeKeys[${keyAt}].key`;
      writeKey['key'] = replaced(writeKey['key'], path, { env, problems });
    }
  }
  for (const [at, rule] of objectsOf(raw['alerts'])) {
    if (rule['channels'] === undefined) continue;
    rule['channels'] = replaced(rule['channels'], `alerts[${at}].channels`, { env, problems });
  }
  return problems;
}

function objectsOf(list: unknown): [at: number, item: Record<string, unknown>][] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown, at): [number, Record<string, unknown>][] =>
    typeof item === 'object' && item !== null ? [[at, item as Record<string, unknown>]] : [],
  );
}

function replaced(
  value: unknown,
  path: string,
  from: { env: Environment; problems: string[] },
  depth = 0,
): unknown {
  if (depth > DEPTH_MAX) return value;
  if (Array.isArray(value)) {
    return value.map((item, at) => replaced(item, `${path}[${at}]`, from, depth + 1));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, replaced(item, `${path}.${key}`, from, depth + 1)]),
    );
  }
  if (typeof value !== 'string') return value;
  return value.replaceAll(REFERENCE, (reference, name: string) => {
    const found = from.env[name];
    if (found !== undefined) return found;
    from.problems.push(`${path}: the environment has no ${name}`);
    return reference;
  });
}
