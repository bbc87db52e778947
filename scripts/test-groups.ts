/** Which test files there are, in groups (the folders of test/), and which of them to run. */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SUFFIX = '.test.ts';
/** The quick and telling ones first; groups that are not named here follow by name. */
const ORDER = ['tidy', 'unit', 'conformance', 'hostile', 'compat', 'crash', 'issues'];
/** One more than there are cores, because most wait for servers, clients and disks at times. */
export const FILES_AT_ONCE = Math.min(availableParallelism(), 4) + 1;
/** What `toolchains.ts` looks for is there when these begin. */
export const NEEDS_TOOLCHAINS: ReadonlySet<string> = new Set([
  'compat',
  'dashboard',
  'destinations',
]);

export interface TestGroup {
  name: string;
  /** Relative to the checkout, sorted. */
  files: string[];
}

export type Selection = { ok: true; groups: TestGroup[] } | { ok: false; problem: string };

/** All groups with at least one file, in the order to run them. */
export function testGroups(): TestGroup[] {
  const names = readdirSync(join(ROOT, 'test'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  return names
    .sort((a, b) => rankOf(a) - rankOf(b) || a.localeCompare(b))
    .map((name) => ({ name, files: filesIn(name) }))
    .filter(({ files }) => files.length > 0);
}

/**
 * The part of `groups` that the arguments name: a group (`unit`), a folder (`test/unit`), or a
 * file (`test/unit/x.test.ts`, also relative to `folder`). No argument selects all. An argument
 * that names nothing is a problem, because a test that silently does not run looks like a pass.
 */
export function selectTests(
  groups: readonly TestGroup[],
  args: readonly string[],
  folder: string,
): Selection {
  if (args.length === 0) return { ok: true, groups: [...groups] };
  const selected = new Set<string>();
  for (const arg of args) {
    const files = groups.flatMap((group) => matching(group, arg, folder));
    if (files.length === 0) {
      const names = groups.map(({ name }) => name).join(', ');
      return { ok: false, problem: `No test matches ${arg}. Groups: ${names}` };
    }
    for (const file of files) selected.add(file);
  }
  return {
    ok: true,
    groups: groups
      .map((group) => ({ ...group, files: group.files.filter((file) => selected.has(file)) }))
      .filter(({ files }) => files.length > 0),
  };
}

function matching(group: TestGroup, arg: string, folder: string): string[] {
  if (arg === group.name) return group.files;
  const paths = [ROOT, folder].map((base) => posix(relative(ROOT, resolve(base, arg))));
  return group.files.filter((file) =>
    paths.some((path) => file === path || (path !== '' && file.startsWith(`${path}/`))),
  );
}

function filesIn(group: string): string[] {
  return readdirSync(join(ROOT, 'test', group), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(SUFFIX) && existsSync(join(ROOT, 'test', group, name)))
    .map((name) => posix(join('test', group, name)))
    .sort();
}

function rankOf(group: string): number {
  const rank = ORDER.indexOf(group);
  return rank < 0 ? ORDER.length : rank;
}

function posix(path: string): string {
  return path.split(sep).join('/');
}
