/**
 * Segment's filter query language: text to a test of events. Used by destination filters, replays
 * and subscriptions. Grammar: `or` < `and` < comparisons and `in` < `!`; operands are fields,
 * texts, numbers, lists, true, false, null, functions and parentheses. Strict in types, tolerant
 * of null: what is absent is null, comparisons of different types are false.
 *
 * Segment's npm packages parse only what its own forms write (no parentheses, lists or nested
 * functions), so the parser is ours; where theirs understand a query, both give the same result
 * (test/unit/deliver-fql.test.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { isAbsent, isObject } from '../events/json.ts';
import type { JsonObject } from '../events/json.ts';
import { FQL_FUNCTION_NAMES, FqlRunError, fqlFunction } from './fql-functions.ts';
import { FqlSyntaxError, fqlTokens } from './fql-tokens.ts';
import type { FqlToken } from './fql-tokens.ts';
import { compileGlob } from './glob.ts';

/** @throws FqlRunError when the query has no answer on the event */
export type FqlPredicate = (message: JsonObject) => boolean;

type Expression = (message: JsonObject) => unknown;

const QUERY_CHARS_MAX = 16_384;
const DEPTH_MAX = 50;
const CACHED_MAX = 1_000;

const cached = new Map<string, FqlPredicate>();

/**
 * The test that a query describes; the same text gives the same, parsed once.
 * @throws FqlSyntaxError
 */
export function compileFql(query: string): FqlPredicate {
  const known = cached.get(query);
  if (known) return known;
  if (query.length > QUERY_CHARS_MAX) {
    throw new FqlSyntaxError(`longer than ${QUERY_CHARS_MAX} characters`, QUERY_CHARS_MAX);
  }
  const expression = parse(query);
  const predicate = (message: JsonObject): boolean => truthOf(expression(message));
  if (cached.size >= CACHED_MAX) cached.clear();
  cached.set(query, predicate);
  return predicate;
}

/** The value at a path; only own fields, so that no path leads into prototypes. */
export function valueAt(message: unknown, path: readonly string[]): unknown {
  let value = message;
  for (const key of path) {
    const isField = isObject(value) || (Array.isArray(value) && /^\d+$/.test(key));
    if (!isField || !Object.hasOwn(value as JsonObject, key)) return undefined;
    value = (value as JsonObject)[key];
  }
  return value;
}

function truthOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (isAbsent(value)) return false;
  throw new FqlRunError('a value that is neither true nor false stands for a condition');
}

function parse(query: string): Expression {
  const reader = new Reader(fqlTokens(query));
  const expression = either(reader, 0);
  const rest = reader.peek();
  if (rest.kind !== 'end') throw new FqlSyntaxError('expected an operator or the end', rest.at);
  return expression;
}

/** Tokens, one after the other. */
class Reader {
  readonly #tokens: readonly FqlToken[];
  #next = 0;

  constructor(tokens: readonly FqlToken[]) {
    this.#tokens = tokens;
  }

  peek(): FqlToken {
    return this.#tokens[this.#next] ?? { kind: 'end', at: 0 };
  }

  take(): FqlToken {
    const token = this.peek();
    this.#next++;
    return token;
  }

  /** Takes the next token when it is this sign or word. */
  accept(text: string): boolean {
    if (!isWord(this.peek(), text)) return false;
    this.#next++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw new FqlSyntaxError(`expected ${text}`, this.peek().at);
  }
}

function isWord(token: FqlToken, text: string): boolean {
  if (token.kind === 'name') return token.text === text && !token.isEscaped;
  return token.kind === 'sign' && token.text === text;
}

function either(reader: Reader, depth: number): Expression {
  if (depth > DEPTH_MAX) throw new FqlSyntaxError('nested too deep', reader.peek().at);
  const parts = [both(reader, depth)];
  while (reader.accept('or') || reader.accept('OR')) parts.push(both(reader, depth));
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  return (message) => parts.some((part) => truthOf(part(message)));
}

function both(reader: Reader, depth: number): Expression {
  const parts = [comparison(reader, depth)];
  while (reader.accept('and') || reader.accept('AND')) parts.push(comparison(reader, depth));
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  return (message) => parts.every((part) => truthOf(part(message)));
}

const OPERATORS: Readonly<Record<string, (left: unknown, right: unknown) => boolean>> = {
  '=': isEqual,
  '!=': (left, right) => !isEqual(left, right),
  '<': (left, right) => areNumbers(left, right) && Number(left) < Number(right),
  '<=': (left, right) => areNumbers(left, right) && Number(left) <= Number(right),
  '>': (left, right) => areNumbers(left, right) && Number(left) > Number(right),
  '>=': (left, right) => areNumbers(left, right) && Number(left) >= Number(right),
  in: isIn,
};

function comparison(reader: Reader, depth: number): Expression {
  const left = operand(reader, depth);
  const sign = Object.keys(OPERATORS).find((name) => isWord(reader.peek(), name));
  const operator = sign === undefined ? undefined : OPERATORS[sign];
  if (!operator) return left;
  reader.take();
  const right = operand(reader, depth);
  return (message) => operator(left(message), right(message));
}

function isEqual(left: unknown, right: unknown): boolean {
  return isAbsent(left) ? isAbsent(right) : isDeepStrictEqual(left, right);
}

function areNumbers(left: unknown, right: unknown): boolean {
  return typeof left === 'number' && typeof right === 'number';
}

function isIn(value: unknown, list: unknown): boolean {
  if (isAbsent(list)) return false;
  if (!Array.isArray(list)) throw new FqlRunError('the right side of in is not a list');
  return list.some((item) => isEqual(item, value));
}

function operand(reader: Reader, depth: number): Expression {
  const token = reader.take();
  if (token.kind === 'text') return () => token.text;
  if (token.kind === 'number') return () => token.value;
  if (token.kind === 'name') return named(reader, token, depth);
  if (token.kind === 'end') throw new FqlSyntaxError('expected a value', token.at);
  if (depth > DEPTH_MAX) throw new FqlSyntaxError('nested too deep', token.at);
  if (token.text === '!') {
    const inner = operand(reader, depth + 1);
    return (message) => !truthOf(inner(message));
  }
  if (token.text === '(') {
    const inner = either(reader, depth + 1);
    reader.expect(')');
    return inner;
  }
  if (token.text === '[') {
    const items = values(reader, ']', depth + 1);
    return (message) => items.map((item) => item(message));
  }
  throw new FqlSyntaxError('expected a value', token.at);
}

type NameToken = Extract<FqlToken, { kind: 'name' }>;

const CONSTANTS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };
const RESERVED = new Set(['and', 'or', 'in']);

function named(reader: Reader, token: NameToken, depth: number): Expression {
  const { text, isEscaped } = token;
  if (!isEscaped && reader.accept('(')) return call(reader, token, depth);
  if (!isEscaped && Object.hasOwn(CONSTANTS, text)) return () => CONSTANTS[text];
  if (!isEscaped && RESERVED.has(text)) throw new FqlSyntaxError('expected a value', token.at);
  const path = [text];
  while (reader.accept('.')) {
    const next = reader.take();
    if (next.kind !== 'name') throw new FqlSyntaxError('expected a field name', next.at);
    path.push(next.text);
  }
  return (message) => valueAt(message, path);
}

function call(reader: Reader, token: NameToken, depth: number): Expression {
  const callee = fqlFunction(token.text);
  if (!callee) {
    const names = FQL_FUNCTION_NAMES.join(', ');
    throw new FqlSyntaxError(`unknown function (there are ${names})`, token.at);
  }
  const second = reader.peek();
  const parameters = values(reader, ')', depth + 1);
  if (parameters.length !== callee.parameters) {
    const count = `${token.text} takes ${callee.parameters}, not ${parameters.length} values`;
    throw new FqlSyntaxError(count, second.at);
  }
  if (token.text === 'match') checkPattern(parameters[1], token.at);
  return (message) => callee.call(parameters.map((parameter) => parameter(message)));
}

/** A pattern that is constant is wrong for every event or for none. */
function checkPattern(pattern: Expression | undefined, at: number): void {
  try {
    const value = pattern?.({});
    if (typeof value === 'string') compileGlob(value);
  } catch (error) {
    throw new FqlSyntaxError(error instanceof Error ? error.message : 'a wrong pattern', at);
  }
}

/** Values with commas, up to the sign that ends them. */
function values(reader: Reader, end: string, depth: number): Expression[] {
  const found: Expression[] = [];
  if (reader.accept(end)) return found;
  do found.push(either(reader, depth));
  while (reader.accept(','));
  reader.expect(end);
  return found;
}
