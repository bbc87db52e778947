/**
 * Segment's filter query language: text to a test of events. Used by destination filters, replays
 * and subscriptions. Grammar: `or` < `and` < comparisons and `in` < `!`; operands are fields,
 * texts, numbers, lists, true, false, null, functions and parentheses. What is compared with a
 * field may be a bare word, which is a text then. The query `all` is met by every event. Strict in
 * types (fql-compare.ts), tolerant of null: what is absent is null.
 *
 * Segment's npm packages parse only what its own forms write, so the parser is ours; where theirs
 * understand a query, both give the same result (test/unit/fql-oracle.test.ts, decision 0019).
 */
import { isAbsent, isObject } from '../events/json.ts';
import type { JsonObject } from '../events/json.ts';
import { COMPARISONS, comparison, literalOf } from './fql-compare.ts';
import type { Expression, Operand } from './fql-compare.ts';
import { FQL_FUNCTION_NAMES, FqlRunError, fqlFunction } from './fql-functions.ts';
import { FqlSyntaxError, fqlTokens } from './fql-tokens.ts';
import type { FqlToken } from './fql-tokens.ts';
import { compileGlob } from './glob.ts';

/** @throws FqlRunError when the query has no answer on the event */
export type FqlPredicate = (message: JsonObject) => boolean;

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

/** Segment's matcher of everything; as a part of a query it is a field like any other. */
const EVERYTHING = 'all';

function parse(query: string): Expression {
  if (query.trim() === EVERYTHING) return () => true;
  const reader = new Reader(fqlTokens(query));
  const { value: expression } = either(reader, 0);
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

function either(reader: Reader, depth: number): Operand {
  if (depth > DEPTH_MAX) throw new FqlSyntaxError('nested too deep', reader.peek().at);
  const first = both(reader, depth);
  const parts = [first.value];
  while (reader.accept('or') || reader.accept('OR')) parts.push(both(reader, depth).value);
  if (parts.length === 1) return first;
  return { value: (message) => parts.some((part) => truthOf(part(message))) };
}

function both(reader: Reader, depth: number): Operand {
  const first = compared(reader, depth);
  const parts = [first.value];
  while (reader.accept('and') || reader.accept('AND')) parts.push(compared(reader, depth).value);
  if (parts.length === 1) return first;
  return { value: (message) => parts.every((part) => truthOf(part(message))) };
}

function compared(reader: Reader, depth: number): Operand {
  const left = operand(reader, depth);
  const sign = COMPARISONS.find((name) => isWord(reader.peek(), name));
  if (sign === undefined) return left;
  reader.take();
  const right = operand(reader, depth);
  // Only a field can be a list; a word is none.
  return { value: comparison(left, sign, sign === 'in' ? right : beside(left, right)) };
}

/** Fields of the event that have fields of their own. */
const PARENTS = new Set(['properties', 'traits', 'context', 'integrations']);

/**
 * What something is compared with. As Segment reads it, a bare word is a text (`event = Order`),
 * unless it is a path into the event, or what it is compared with is a literal (`"x" = event`).
 */
function beside(left: Operand | undefined, right: Operand): Operand {
  const { path } = right;
  if (!path || left?.literal) return right;
  return path.length > 1 && PARENTS.has(path[0] ?? '') ? right : literalOf(path.join('.'));
}

function operand(reader: Reader, depth: number): Operand {
  const token = reader.take();
  if (token.kind === 'text') return literalOf(token.text);
  if (token.kind === 'number') return literalOf(token.value);
  if (token.kind === 'name') return named(reader, token, depth);
  if (token.kind === 'end') throw new FqlSyntaxError('expected a value', token.at);
  if (depth > DEPTH_MAX) throw new FqlSyntaxError('nested too deep', token.at);
  if (token.text === '!') return negated(reader, depth + 1);
  if (token.text === '(') {
    const { unlike: _, ...inner } = either(reader, depth + 1);
    reader.expect(')');
    return inner;
  }
  if (token.text === '[') {
    const items = values(reader, ']', depth + 1).map((item) => beside(undefined, item));
    return { value: (message) => items.map(({ value }) => value(message)) };
  }
  throw new FqlSyntaxError('expected a value', token.at);
}

/**
 * `!` before `contains` and `match` asks for a text that does not contain it: of what is no text
 * it says as little as they do. Before all else, parentheses too, it inverts.
 */
function negated(reader: Reader, depth: number): Operand {
  const { value, unlike } = operand(reader, depth);
  // Twice is what it was: of what is no text, still false.
  if (unlike) return { value: unlike, unlike: value };
  return { value: (message) => !truthOf(value(message)) };
}

type NameToken = Extract<FqlToken, { kind: 'name' }>;

const CONSTANTS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };
const RESERVED = new Set(['and', 'or', 'in']);

function named(reader: Reader, token: NameToken, depth: number): Operand {
  const { text, isEscaped } = token;
  if (!isEscaped && reader.accept('(')) return call(reader, token, depth);
  if (!isEscaped && Object.hasOwn(CONSTANTS, text)) return literalOf(CONSTANTS[text]);
  if (!isEscaped && RESERVED.has(text)) throw new FqlSyntaxError('expected a value', token.at);
  const path = [text];
  while (reader.accept('.')) {
    const next = reader.take();
    if (next.kind !== 'name') throw new FqlSyntaxError('expected a field name', next.at);
    path.push(next.text);
  }
  return { value: (message) => valueAt(message, path), path };
}

function call(reader: Reader, token: NameToken, depth: number): Operand {
  const callee = fqlFunction(token.text);
  if (!callee) {
    const names = FQL_FUNCTION_NAMES.join(', ');
    throw new FqlSyntaxError(`unknown function (there are ${names})`, token.at);
  }
  const second = reader.peek();
  const [first, ...rest] = values(reader, ')', depth + 1);
  const parameters = first ? [first, ...rest.map((other) => textOf(beside(first, other)))] : [];
  if (parameters.length !== callee.parameters) {
    const count = `${token.text} takes ${callee.parameters}, not ${parameters.length} values`;
    throw new FqlSyntaxError(count, second.at);
  }
  if (token.text === 'match') checkPattern(parameters[1], token.at);
  const { unlike } = callee;
  const given = (message: JsonObject): unknown[] => parameters.map(({ value }) => value(message));
  return {
    value: (message) => callee.call(given(message)),
    ...(unlike && { unlike: (message: JsonObject) => unlike(given(message)) }),
  };
}

/** What is looked for in a text is one: `contains(properties.zip, 10)`. */
function textOf(part: Operand): Operand {
  const { value } = part.literal ?? {};
  return typeof value === 'number' || typeof value === 'boolean' ? literalOf(`${value}`) : part;
}

/** A pattern that is constant is wrong for every event or for none. */
function checkPattern(pattern: Operand | undefined, at: number): void {
  try {
    const value = pattern?.value({});
    if (typeof value === 'string') compileGlob(value);
  } catch (error) {
    throw new FqlSyntaxError(error instanceof Error ? error.message : 'a wrong pattern', at);
  }
}

/** Values with commas, up to the sign that ends them. */
function values(reader: Reader, end: string, depth: number): Operand[] {
  const found: Operand[] = [];
  if (reader.accept(end)) return found;
  do found.push(either(reader, depth));
  while (reader.accept(','));
  reader.expect(end);
  return found;
}
