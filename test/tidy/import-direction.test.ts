/** Who may import whom. See ARCHITECTURE.md: the folders are the way of an event. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { after, test } from 'node:test';
import {
  SyntaxKind,
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isInterfaceDeclaration,
  isStringLiteral,
  isTypeAliasDeclaration,
} from 'typescript/unstable/ast';
import type { ImportDeclaration, Node } from 'typescript/unstable/ast';
import { nodesOf, parseCode, parseDashboard, textOf } from './repo-files.ts';
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
  'src/destinations/destination-type-shapes.ts',
];

/** Files that only re-export, each with its reason. */
const RE_EXPORTS: Readonly<Record<string, string>> = {
  'src/auth/snapshot.ts': 'auth names the shape it reads; the store, which is below it, makes it',
};

/** What the dashboard runs of the server's code, each with its reason; all else are types. */
const RUN_BY_DASHBOARD: Readonly<Record<string, string>> = {
  'src/base/internal-source.ts': 'which sources are our own, in counters that come unfiltered',
  'src/base/mask.ts': 'what stands for a secret has to come back as it went',
};

const SHAPES = /-shapes\.ts$/;
/** What shapes are made of: each other, and the schemas of what is sent. */
const OF_SHAPES = /-(shapes|schema)\.ts$|^zod$/;

/** A tenth of a second or so each, in every thread that names them. */
const AT_FIRST_USE = [
  '@duckdb/node-api',
  '@nats-io/jetstream',
  '@nats-io/transport-node',
  '@platformatic/kafka',
  'nodemailer',
  'openid-client',
  'pg',
  'undici',
];

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

interface Import {
  /** From the root of the checkout; of packages and Node their names. */
  to: string;
  isType: boolean;
  /** When it is called for, and not with the file that names it. */
  isLater: boolean;
}

function importsWithKind({ path, tree }: CodeFile): Import[] {
  return [...nodesOf(tree)].flatMap((node) => {
    const target = targetOf(node);
    if (!target || !isStringLiteral(target)) return [];
    const isType = isImportDeclaration(node) && isTypeImport(node);
    const isLater = isCallExpression(node);
    return [{ to: placeOfImport(path, target.text), isType, isLater }];
  });
}

function isTypeImport({ importClause }: ImportDeclaration): boolean {
  return importClause?.phaseModifier === SyntaxKind.TypeKeyword;
}

function placeOfImport(from: string, target: string): string {
  return target.startsWith('.') ? posix.join(posix.dirname(from), target) : target;
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

test('of the server the dashboard imports types of shapes, and runs what is listed', () => {
  const taken = dashboard.files.flatMap((file) =>
    importsWithKind(file)
      .filter(({ to }) => to.startsWith('src/'))
      .map((one) => ({ from: file.path, ...one })),
  );
  assert.ok(taken.length > 50);
  const wrong = taken.filter(({ to, isType }) =>
    isType ? !SHAPES.test(to) : !(to in RUN_BY_DASHBOARD),
  );
  assert.deepEqual(wrong.map(arrow), []);
  const unused = Object.keys(RUN_BY_DASHBOARD).filter(
    (path) => !taken.some(({ to }) => to === path),
  );
  assert.deepEqual(unused, []);
});

test('a file of shapes has types alone, and is made of shapes and schemas', () => {
  const shapes = all.filter(({ path }) => SHAPES.test(path));
  assert.ok(shapes.length > 20);
  const wrong = shapes.filter((file) => {
    const hasMore = [...file.tree.statements].some(
      (node) =>
        !isInterfaceDeclaration(node) &&
        !isTypeAliasDeclaration(node) &&
        !(isImportDeclaration(node) && isTypeImport(node)),
    );
    return hasMore || importsWithKind(file).some(({ to }) => !OF_SHAPES.test(to));
  });
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

/** The compiler reads what types are made of, too: it would need to know Node. */
test('whatever of the server the dashboard reaches needs no Node, and of packages zod', () => {
  const files = new Map(code.files.map((file) => [file.path, file]));
  const open = dashboard.files.flatMap(importsWithKind).filter(({ to }) => files.has(to));
  const reached = new Set<string>();
  const needed = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const file = files.get(next.to);
    if (!file) needed.add(next.to);
    if (!file || reached.has(next.to)) continue;
    reached.add(next.to);
    open.push(...importsWithKind(file));
  }
  assert.ok(reached.size > 20);
  assert.deepEqual([...needed], ['zod']);
  const { compilerOptions } = JSON.parse(textOf('web/tsconfig.json')) as {
    compilerOptions: { types: string[] };
  };
  assert.deepEqual(compilerOptions.types, ['vite/client']);
});

test('a server starts without the libraries that are long to load and that few servers need', () => {
  const files = new Map(code.files.map((file) => [file.path, file]));
  const open = ['src/serve/server.ts', 'src/deliver/delivery-thread.ts'];
  const reached = new Set(open);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const file = files.get(next);
    for (const { to, isType, isLater } of file ? importsWithKind(file) : []) {
      if (isType || isLater || reached.has(to)) continue;
      reached.add(to);
      open.push(to);
    }
  }
  assert.ok(reached.size > 300);
  assert.deepEqual(
    AT_FIRST_USE.filter((name) => reached.has(name)),
    [],
  );
});

function arrow({ from, to }: { from: string; to: string }): string {
  return `${from} imports ${to}`;
}
