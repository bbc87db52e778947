/**
 * Words of Segment's filter query language (FQL). Identifiers are letters, digits, `_` and `-`;
 * anything else in a field name stands behind a backslash. Texts are in single or double quotes;
 * a backslash in them escapes only a quote, because patterns keep theirs (`'ab\*d'`).
 */

export type FqlToken =
  | { kind: 'name'; text: string; isEscaped: boolean; at: number }
  | { kind: 'text'; text: string; at: number }
  | { kind: 'number'; value: number; at: number }
  | { kind: 'sign'; text: string; at: number }
  | { kind: 'end'; at: number };

const SPACE = /\s+/y;
const NAME = /(?:[\w-]|\\[^])+/y;
const NUMBER = /[+-]?\d+(?:\.\d+)?(?![\w\\])/y;
const SIGN = /!=|>=|<=|==?|[><!()[\],.]/y;
const TEXT = /"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*'/y;

/** What is wrong with a query, and where: the number of the character, from 1. */
export class FqlSyntaxError extends Error {
  override readonly name = 'FqlSyntaxError';

  constructor(problem: string, at: number) {
    super(`${problem} at character ${at + 1}`);
  }
}

/** @throws FqlSyntaxError */
export function fqlTokens(query: string): FqlToken[] {
  const tokens: FqlToken[] = [];
  const take = (expression: RegExp, at: number): string | undefined => {
    expression.lastIndex = at;
    return expression.exec(query)?.[0];
  };
  let at = 0;
  while (at < query.length) {
    const space = take(SPACE, at);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    // Behind a dot digits are a place in a list, or a name.
    const isField = tokens.at(-1)?.kind === 'sign' && query[at - 1] === '.';
    const number = isField ? undefined : take(NUMBER, at);
    const taken = number ?? take(NAME, at) ?? take(TEXT, at) ?? take(SIGN, at);
    if (taken === undefined) throw unknownCharacter(query, at);
    tokens.push(number === undefined ? tokenOf(taken, at) : { kind: 'number', value: +number, at });
    at += taken.length;
  }
  tokens.push({ kind: 'end', at });
  return tokens;
}

function tokenOf(taken: string, at: number): FqlToken {
  const [first] = taken;
  if (first === '"' || first === "'") {
    return { kind: 'text', text: taken.slice(1, -1).replaceAll(/\\(["'])/g, '$1'), at };
  }
  if (first === '\\' || /\w|^-/.test(taken)) {
    const text = taken.replaceAll(/\\([^])/g, '$1');
    return { kind: 'name', text, isEscaped: text !== taken, at };
  }
  // Some of Segment's own presets write it twice.
  return { kind: 'sign', text: taken === '==' ? '=' : taken, at };
}

function unknownCharacter(query: string, at: number): FqlSyntaxError {
  const character = query[at] ?? '';
  return character === '"' || character === "'"
    ? new FqlSyntaxError('a text that does not end', at)
    : new FqlSyntaxError('an unexpected character', at);
}
