/** Rules about functions: how long, how explained, and that no promise is dropped. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  isArrowFunction,
  isCallExpression,
  isExpressionStatement,
  isFunctionDeclaration,
  isFunctionLikeDeclaration,
  isIdentifier,
  isPropertyAccessExpression,
  isVariableStatement,
} from 'typescript/unstable/ast';
import type { CallExpression, Node } from 'typescript/unstable/ast';
import { nodesOf, parseCode, parseDashboard, placeOf } from './repo-files.ts';
import type { CodeFile } from './repo-files.ts';

/** Lines of a function's own, without those of functions declared in it. */
const FUNCTION_LINES_MAX = 70;
/** A function up to this size is its own explanation when its name is a plain one. */
const PLAIN_LINES_MAX = 10;
const PLAIN_PARAMETERS_MAX = 2;
/** node:test awaits what these return; a file need not. */
const TEST_REGISTRATIONS = new Set(['test', 'it', 'describe', 'suite']);

const code = parseCode();
const dashboard = parseDashboard();
after(() => code.close());
after(() => dashboard.close());

function linesOf(file: CodeFile, node: Node): number {
  return file.text.slice(node.getStart(file.tree), node.getEnd()).split('\n').length;
}

/** Lines of the node without those of the outermost functions in it that have several lines. */
function ownLines(file: CodeFile, node: Node): number {
  let lines = linesOf(file, node);
  const open: Node[] = [];
  node.forEachChild((child) => void open.push(child));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (isFunctionLikeDeclaration(next)) lines -= linesOf(file, next) - 1;
    else next.forEachChild((child) => void open.push(child));
  }
  return lines;
}

test(`no function has more than ${FUNCTION_LINES_MAX} lines of its own`, () => {
  const wrong = [...code.files, ...dashboard.files].flatMap((file) =>
    [...nodesOf(file.tree)]
      .filter((node) => isFunctionLikeDeclaration(node))
      .filter((node) => ownLines(file, node) > FUNCTION_LINES_MAX)
      .map((node) => `${placeOf(file, node)} ${ownLines(file, node)} lines`),
  );
  assert.deepEqual(wrong, []);
});

const wholeFunctions = code.files
  .filter(({ path }) => path.startsWith('src/'))
  .flatMap((file) =>
    [...nodesOf(file.tree)]
      .filter((node) => isFunctionLikeDeclaration(node))
      .map((node) => ({
        name: nameOf(file, node),
        place: placeOf(file, node),
        lines: linesOf(file, node),
      })),
  );

/** Of a declaration or a method, or of what a function expression is given to. */
function nameOf({ tree }: CodeFile, node: Node): string {
  for (const named of [node, node.parent]) {
    if ('name' in named && named.name) return (named.name as Node).getText(tree);
  }
  return 'anonymous';
}

test(`no function of src has more than ${FUNCTION_LINES_MAX} lines with what is in it`, () => {
  const wrong = wholeFunctions
    .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
    .map(({ place, name, lines }) => `${place} ${name} ${lines} lines`);
  assert.deepEqual(wrong, [], 'name the steps of it: a state as a value, a function for each');
});

test('an exported function has a docstring, unless it is short or the header speaks of it', () => {
  const wrong = [...code.files, ...dashboard.files]
    .filter(({ path }) => /^(src|web)\//.test(path))
    .flatMap((file) => {
      const exported = exportedFunctions(file);
      // The header of a file with one function says what that function is for.
      if (exported.length === 1 && file.text.trimStart().startsWith('/**')) return [];
      return exported
        .filter(({ statement }) => (statement.jsDoc ?? []).length === 0)
        .filter(
          ({ declaration, parameters }) =>
            linesOf(file, declaration) > PLAIN_LINES_MAX || parameters > PLAIN_PARAMETERS_MAX,
        )
        .map(({ statement }) => placeOf(file, statement));
    });
  assert.deepEqual(wrong, []);
});

interface ExportedFunction {
  /** What carries the docstring. */
  statement: Node;
  declaration: Node;
  parameters: number;
}

function exportedFunctions({ tree, text }: CodeFile): ExportedFunction[] {
  return [...tree.statements].flatMap((statement: Node): ExportedFunction[] => {
    if (!text.slice(statement.getStart(tree)).startsWith('export ')) return [];
    if (isFunctionDeclaration(statement)) {
      return [{ statement, declaration: statement, parameters: statement.parameters.length }];
    }
    if (!isVariableStatement(statement)) return [];
    return [...statement.declarationList.declarations].flatMap(({ initializer }) =>
      initializer !== undefined && isArrowFunction(initializer)
        ? [{ statement, declaration: initializer, parameters: initializer.parameters.length }]
        : [],
    );
  });
}

/** `.catch(…)`, or `.then(…, …)` with an answer to failure. */
function isHandled({ expression, arguments: values }: CallExpression): boolean {
  if (!isPropertyAccessExpression(expression)) return false;
  const { text } = expression.name;
  return (text === 'catch' && values.length === 1) || (text === 'then' && values.length === 2);
}

test('no promise is dropped: each is awaited, returned, handled, or marked with void', () => {
  const calls = code.files.flatMap((file) =>
    [...nodesOf(file.tree)].flatMap((node) => {
      if (!isExpressionStatement(node) || !isCallExpression(node.expression)) return [];
      const { expression: callee } = node.expression;
      if (isIdentifier(callee) && TEST_REGISTRATIONS.has(callee.text)) return [];
      return isHandled(node.expression) ? [] : [{ file, call: node.expression }];
    }),
  );
  assert.ok(calls.length > 500);
  const types = code.checker.getTypeAtLocation(calls.map(({ call }) => call));
  const wrong = calls.filter((_, at) => {
    const type = types[at];
    return type !== undefined && code.checker.typeToString(type).startsWith('Promise<');
  });
  assert.deepEqual(
    wrong.map(({ file, call }) => placeOf(file, call)),
    [],
  );
});
