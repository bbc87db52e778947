/**
 * `${NAME}` in the settings of declared destinations is taken from the environment, so that a
 * configuration can be kept in version control without its secrets. Nowhere else: event filters
 * and templates may hold the same characters.
 */
import type { Environment } from './environment.ts';

const REFERENCE = /\$\{([A-Z][A-Z0-9_]*)\}/g;
const DEPTH_MAX = 32;

/** Replaces references in place; returns a problem for each variable that is not set. */
export function interpolateSettings(raw: Record<string, unknown>, env: Environment): string[] {
  const { destinations } = raw;
  if (!Array.isArray(destinations)) return [];
  const problems: string[] = [];
  destinations.forEach((destination: unknown, at) => {
    if (typeof destination !== 'object' || destination === null) return;
    const owner = destination as Record<string, unknown>;
    if (owner['settings'] === undefined) return;
    owner['settings'] = replaced(owner['settings'], `destinations[${at}].settings`, 0);
  });
  return problems;

  function replaced(value: unknown, path: string, depth: number): unknown {
    if (depth > DEPTH_MAX) return value;
    if (Array.isArray(value)) {
      return value.map((item, at) => replaced(item, `${path}[${at}]`, depth + 1));
    }
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value);
      return Object.fromEntries(
        entries.map(([key, item]) => [key, replaced(item, `${path}.${key}`, depth + 1)]),
      );
    }
    if (typeof value !== 'string') return value;
    return value.replaceAll(REFERENCE, (reference, name: string) => {
      const found = env[name];
      if (found !== undefined) return found;
      problems.push(`${path}: the environment has no ${name}`);
      return reference;
    });
  }
}
