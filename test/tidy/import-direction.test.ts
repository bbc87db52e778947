/** Who may import whom. See ARCHITECTURE.md: the folders are the way of an event. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { after, test } from 'node:test';
import {
  SyntaxKind,
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isStringLiteral,
} from 'typescript/unstable/ast';
import type { Node } from 'typescript/unstable/ast';
import { nodesOf, parseCode, parseDashboard } from './repo-files.ts';
import type { CodeFile } from './repo-files.ts';

/** A folder of src/ may import from rows above its own. */
const LAYERS: readonly (readonly string[])[] = [
  ['base'],
  ['config', 'observe'],
  ['events', 'log', 'net', 'store', 'threads'],
  ['auth', 'fql'],
  ['collect', 'dispatch', 'lake'],
  ['query', 'destinations'],
  ['deliver'],
  ['operate'],
  ['admin'],
  ['serve'],
  ['cli', 'main'],
];

/** Imports within a row, each with its reason. */
const WITHIN_ROW: Readonly<Record<string, string>> = {
  'lake > dispatch': 'loading is the first consumer of the dispatcher, in the same thread',
};

/** Everything before the log, and everything after it: they meet in its files only. */
const BEFORE_LOG = ['collect'];
const AFTER_LOG = ['dispatch', 'lake', 'query', 'deliver', 'destinations'];

/** What all destinations share with those who deliver to them. */
const KNOWN_OF_DESTINATIONS = [
  'src/destinations/destination-contract.ts',
  'src/destinations/delivery-reasons.ts',
];

/** Files that only re-export, each with its reason. */
const RE_EXPORTS: Readonly<Record<string, string>> = {
  'src/auth/snapshot.ts': 'auth names the shape it reads; the store, which is below it, makes it',
};

const code = parseCode();
after(() => code.close());
const dashboard = parseDashboard();
after(() => dashboard.close());
const all = [...code.files, ...dashboard.files];
const sources = code.files.filter(({ path }) => path.startsWith('src/'));
const imports = sources.flatMap((file) =>
  importsOf(file).map((target) => ({ from: file.path, target })),
);
const crossings = imports
  .filter(({ target }) => target.startsWith('.'))
  .map(({ from, target }) => {
    const to = posix.join(posix.dirname(from), target);
    return { from, to, fromFolder: folderOf(from), toFolder: folderOf(to) };
  })
  .filter(({ fromFolder, toFolder }) => fromFolder !== toFolder);

/** Of types too, and when they are loaded later: whoever changes the target has to look here. */
function importsOf(file: CodeFile): string[] {
  return [...nodesOf(file.tree)].flatMap((node) => {
    const target = targetOf(node);
    return target && isStringLiteral(target) ? [target.text] : [];
  });
}

function targetOf(node: Node): Node | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) return node.moduleSpecifier;
  const isLater = isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword;
  return isLater ? node.arguments[0] : undefined;
}

/** `log` of `src/log/record.ts`; `main` of `src/main.ts`. */
function folderOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? '';
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((folders) => folders.includes(folder));
}

test('there is code to judge', () => {
  assert.ok(sources.length > 50);
  assert.ok(crossings.length > 100);
});

test('every folder of src has its place in the order', () => {
  const unknown = new Set(sources.map(({ path }) => folderOf(path)));
  for (const folder of LAYERS.flat()) unknown.delete(folder);
  assert.deepEqual([...unknown], [], 'add the folder to LAYERS, and to ARCHITECTURE.md');
});

test('a folder imports only folders below it', () => {
  const wrong = crossings.filter(({ fromFolder, toFolder }) => {
    if (`${fromFolder} > ${toFolder}` in WITHIN_ROW) return false;
    return layerOf(toFolder) >= layerOf(fromFolder);
  });
  assert.deepEqual(wrong.map(arrow), []);
});

test('an exception to the order that nobody needs any more is gone', () => {
  const used = new Set(crossings.map(({ fromFolder, toFolder }) => `${fromFolder} > ${toFolder}`));
  assert.deepEqual(
    Object.keys(WITHIN_ROW).filter((pair) => !used.has(pair)),
    [],
  );
});

test('what writes the log and what reads it do not know each other', () => {
  const wrong = crossings.filter(
    ({ fromFolder, toFolder }) =>
      (BEFORE_LOG.includes(fromFolder) && AFTER_LOG.includes(toFolder)) ||
      (AFTER_LOG.includes(fromFolder) && BEFORE_LOG.includes(toFolder)),
  );
  assert.deepEqual(wrong.map(arrow), []);
});

test('operate knows no HTTP, and only the thread of deliveries knows which destinations there are', () => {
  const http = imports.filter(
    ({ from, target }) => folderOf(from) === 'operate' && /^(hono|@hono|node:http)/.test(target),
  );
  assert.deepEqual(http, []);
  const registry = crossings.filter(
    ({ from, to, fromFolder }) =>
      fromFolder === 'deliver' &&
      from !== 'src/deliver/delivery-thread.ts' &&
      to.startsWith('src/destinations/') &&
      !KNOWN_OF_DESTINATIONS.includes(to),
  );
  assert.deepEqual(registry.map(arrow), []);
});

test('the log knows bytes and not events: it imports base alone', () => {
  const wrong = crossings.filter(
    ({ fromFolder, toFolder }) => fromFolder === 'log' && toFolder !== 'base',
  );
  assert.deepEqual(wrong.map(arrow), []);
});

test('events does no input or output', () => {
  const pure = ['node:buffer', 'node:crypto', 'node:util'];
  const wrong = imports.filter(
    ({ from, target }) =>
      folderOf(from) === 'events' && target.startsWith('node:') && !pure.includes(target),
  );
  assert.deepEqual(wrong, []);
});

test('no file imports itself by way of others', () => {
  const targets = new Map<string, string[]>();
  for (const file of all) {
    const own = importsOf(file).filter((target) => target.startsWith('.'));
    targets.set(
      file.path,
      own.map((target) => posix.join(posix.dirname(file.path), target)),
    );
  }
  const inCycle = [...targets.keys()].filter((path) => {
    const reached = new Set<string>();
    const open = [...(targets.get(path) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(...(targets.get(next) ?? []));
    }
    return reached.has(path);
  });
  assert.deepEqual(inCycle, []);
});

test('no file only re-exports', () => {
  const barrels = all.filter(({ tree }) => {
    const statements = [...tree.statements];
    return (
      statements.some(isExportDeclaration) &&
      statements.every((node) => isImportDeclaration(node) || isExportDeclaration(node))
    );
  });
  assert.deepEqual(
    barrels.map(({ path }) => path),
    Object.keys(RE_EXPORTS),
  );
});

function arrow({ from, to }: { from: string; to: string }): string {
  return `${from} imports ${to}`;
}
