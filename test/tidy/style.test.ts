/** The rules of CONTRIBUTING.md that a machine can judge by one look at one file. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { after, test } from 'node:test';
import {
  SyntaxKind,
  isCallExpression,
  isConstructorDeclaration,
  isEnumDeclaration,
  isExportAssignment,
  isIdentifier,
  isImportDeclaration,
  isJsxAttribute,
  isModuleDeclaration,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isNonNullExpression,
  isPropertyAccessExpression,
  isRegularExpressionLiteral,
  isStringLiteral,
  isTemplateExpression,
} from 'typescript/unstable/ast';
import type { Node } from 'typescript/unstable/ast';
import {
  lineOf,
  nodesOf,
  parseCode,
  parseDashboard,
  placeOf,
  repoFiles,
  textOf,
} from './repo-files.ts';
import type { CodeFile } from './repo-files.ts';

const FILE_LINES_MAX = 500;
const LINE_COLUMNS_MAX = 100;
/** A text of this length may make its line longer than that. */
const UNBREAKABLE_CHARS_MIN = 60;
/** Documents and ecosystem files keep the names that everybody looks for. */
const CUSTOMARY_NAMES = /^([A-Z]+(\.md)?|run|\.[a-z]+(rc)?(\.json)?)$/;
/** Chance, time and disk: words of a call or an import, and the door to use instead. */
const DOORS: Readonly<Record<string, string>> = {
  'Date.now': 'base/clock.ts',
  'performance.now': 'base/clock.ts',
  'process.hrtime': 'base/clock.ts',
  'Math.random': 'base/random.ts',
  randomUUID: 'base/random.ts',
  randomBytes: 'base/random.ts',
  'node:fs': 'base/disk.ts',
  'node:fs/promises': 'base/disk.ts',
};
/** Uses of the real thing outside base, each with its reason. */
const DOOR_EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/cli/send-command.ts node:fs': 'streams the file that the user names; it is not our data',
};

const code = parseCode();
after(() => code.close());
const dashboard = parseDashboard();
after(() => dashboard.close());
const all = [...code.files, ...dashboard.files];
const sources = code.files.filter(({ path }) => path.startsWith('src/'));

/** Places of all nodes of `files` that satisfy the check. */
function places(files: readonly CodeFile[], isWrong: (node: Node, file: CodeFile) => boolean) {
  return files.flatMap((file) =>
    [...nodesOf(file.tree)]
      .filter((node) => isWrong(node, file))
      .map((node) => placeOf(file, node)),
  );
}

test('file and folder names are kebab-case', () => {
  const wrong = repoFiles().filter((path) => {
    const folders = path.split('/').slice(0, -1);
    const name = basename(path);
    const isKebab = /^[a-z0-9]+([-.][a-z0-9]+)*$/.test(name) || CUSTOMARY_NAMES.test(name);
    return !isKebab || !folders.every((folder) => /^\.?[a-z0-9]+(-[a-z0-9]+)*$/.test(folder));
  });
  assert.deepEqual(wrong, []);
});

test(`no file of code has more than ${FILE_LINES_MAX} lines`, () => {
  const wrong = all
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > FILE_LINES_MAX);
  assert.deepEqual(wrong, []);
});

/** A path cannot be cut in two either. */
const ONE_IMPORT = /^import (type )?\{ \w+ \} from '[^']+';$/;

test(`no line of code has more than ${LINE_COLUMNS_MAX} columns, long texts aside`, () => {
  const wrong = all.flatMap((file) => {
    const texts = new Set(
      [...nodesOf(file.tree)].flatMap((node) => longTextLine(file, node) ?? []),
    );
    return file.text
      .split('\n')
      .flatMap((line, at) =>
        [...line].length > LINE_COLUMNS_MAX && !texts.has(at + 1) && !ONE_IMPORT.test(line)
          ? [`${file.path}:${at + 1}`]
          : [],
      );
  });
  assert.deepEqual(wrong, []);
});

/** The line of a string or expression that would have to be cut in two to get a shorter line. */
function longTextLine(file: CodeFile, node: Node): number | undefined {
  const isText =
    isStringLiteral(node) ||
    isTemplateExpression(node) ||
    isNoSubstitutionTemplateLiteral(node) ||
    isRegularExpressionLiteral(node);
  if (!isText) return undefined;
  const text = node.getText(file.tree);
  if (text.length < UNBREAKABLE_CHARS_MIN || text.includes('\n')) return undefined;
  return lineOf(file, node.getStart(file.tree));
}

test('nothing has the type any', () => {
  assert.deepEqual(
    places(all, ({ kind }) => kind === SyntaxKind.AnyKeyword),
    [],
  );
});

test('a value is called present (!) only where a comment says why it is', () => {
  const wrong = places(all, (node, file) => {
    if (!isNonNullExpression(node)) return false;
    const line = lineOf(file, node.getStart(file.tree));
    const near = file.text.split('\n').slice(Math.max(0, line - 2), line);
    return !near.some((text) => text.includes('//'));
  });
  assert.deepEqual(wrong, []);
});

test('nothing is exported as the default', () => {
  const wrong = places(all, (node, file) => {
    if (isExportAssignment(node)) return true;
    return (
      node.kind === SyntaxKind.DefaultKeyword &&
      // node:test takes a reporter by its default export.
      file.path !== 'scripts/test-reporter.ts' &&
      'modifiers' in node.parent
    );
  });
  assert.deepEqual(wrong, []);
});

test('no syntax needs more than taking the types away', () => {
  const wrong = places(all, (node) => {
    if (isEnumDeclaration(node) || isModuleDeclaration(node)) return true;
    return (
      isConstructorDeclaration(node) &&
      node.parameters.some(({ modifiers }) => modifiers !== undefined && modifiers.length > 0)
    );
  });
  assert.deepEqual(wrong, []);
});

test('only the command line prints; everything else logs', () => {
  const printing = sources.filter(({ path }) => !path.startsWith('src/cli/'));
  assert.deepEqual(
    places(
      printing,
      (node) => isPropertyAccessExpression(node) && isNamed(node.expression, 'console'),
    ),
    [],
  );
});

test('time, chance and files come through base, so that a simulation can stand in for them', () => {
  const outside = sources.filter(({ path }) => !path.startsWith('src/base/'));
  const used = outside.flatMap((file) =>
    [...nodesOf(file.tree)].flatMap((node) => {
      const word = doorWord(node);
      return word === undefined
        ? []
        : [{ key: `${file.path} ${word}`, place: placeOf(file, node) }];
    }),
  );
  const keys = used.map(({ key }) => key);
  assert.deepEqual(
    used.filter(({ key }) => !(key in DOOR_EXCEPTIONS)),
    [],
  );
  assert.deepEqual(
    Object.keys(DOOR_EXCEPTIONS).filter((key) => !keys.includes(key)),
    [],
    'an exception that nobody needs any more',
  );
});

/** The word of DOORS that a node uses; `new Date()` reads the clock, `new Date(ms)` does not. */
function doorWord(node: Node): string | undefined {
  if (isImportDeclaration(node) && isStringLiteral(node.moduleSpecifier)) {
    const isType = node.importClause?.phaseModifier === SyntaxKind.TypeKeyword;
    return !isType && node.moduleSpecifier.text in DOORS ? node.moduleSpecifier.text : undefined;
  }
  if (isNewExpression(node) && isNamed(node.expression, 'Date')) {
    return node.arguments === undefined || node.arguments.length === 0 ? 'new Date()' : undefined;
  }
  if (isPropertyAccessExpression(node) && isIdentifier(node.expression)) {
    const word = `${node.expression.text}.${node.name.text}`;
    return word in DOORS ? word : undefined;
  }
  if (isCallExpression(node) && isIdentifier(node.expression)) {
    return node.expression.text in DOORS ? node.expression.text : undefined;
  }
  return undefined;
}

function isNamed(node: Node, name: string): boolean {
  return isIdentifier(node) && node.text === name;
}

test('the dashboard makes no HTML of texts, and no style that its policy forbids', () => {
  const HTML = /^(dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|srcdoc)$/;
  const wrong = places(dashboard.files, (node) => {
    if (isIdentifier(node)) return HTML.test(node.text);
    return isJsxAttribute(node) && node.name.getText() === 'style';
  });
  assert.ok(dashboard.files.length > 30);
  assert.deepEqual(wrong, []);
});

test('a comment that puts work off names its issue, as in #12', () => {
  const mark = /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/;
  const wrong = repoFiles()
    .filter((path) => /\.(tsx?|mjs|css|sql|yaml|yml)$/.test(path))
    .flatMap((path) =>
      textOf(path)
        .split('\n')
        .flatMap((line, at) =>
          mark.test(line) && !/#\d+/.test(line) ? [`${path}:${at + 1}`] : [],
        ),
    );
  assert.deepEqual(wrong, []);
});

test('a rule that is switched off for a line says why', () => {
  const directive = /\/[/*] *((oxlint|eslint)-disable|@ts-|prettier-ignore)/;
  const reason = /-disable.*\s--\s+\S|@ts-expect-error\s+\S|prettier-ignore\s+--\s+\S/;
  const wrong = all.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, at) =>
        directive.test(line) && !reason.test(line) ? [`${path}:${at + 1}`] : [],
      ),
  );
  assert.deepEqual(wrong, []);
});
