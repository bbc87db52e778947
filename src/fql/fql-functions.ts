/**
 * The functions of FQL, as Segment documents them: null, and what a function is not made for,
 * give a harmless value, so that filters need not ask for the type first.
 */
import { isAbsent } from '../events/json.ts';
import { compileGlob } from './glob.ts';

export interface FqlFunction {
  parameters: number;
  call(values: readonly unknown[]): unknown;
  /** What `!` before it gives, where that is not the inverse. */
  unlike?(values: readonly unknown[]): boolean;
}

/** The query asks for something that has no answer on this event. */
export class FqlRunError extends Error {
  override readonly name = 'FqlRunError';
}

const FUNCTIONS: Readonly<Record<string, FqlFunction>> = {
  contains: ofTexts((text, part) => text.includes(part)),
  match: ofTexts(matches),
  length: { parameters: 1, call: ([value]) => length(value) },
  lowercase: ofText((text) => text.toLowerCase()),
  uppercase: ofText((text) => text.toUpperCase()),
  snakecase: ofText((text) => text.replaceAll(' ', '_')),
  kebabcase: ofText((text) => text.replaceAll(' ', '-')),
  titlecase: ofText((text) => text.replaceAll(/(?<=^| )[^ ]/gu, (first) => first.toUpperCase())),
  typeof: { parameters: 1, call: ([value]) => fqlType(value) },
  bool: { parameters: 1, call: ([value]) => toBoolean(value) },
  string: { parameters: 1, call: ([value]) => toText(value) },
  number: { parameters: 1, call: ([value]) => toNumber(value) },
  semver: { parameters: 3, call: ([left, sign, right]) => compareVersions(left, sign, right) },
};

export const FQL_FUNCTION_NAMES: readonly string[] = Object.keys(FUNCTIONS);

/** A function by its name in queries, or undefined. */
export function fqlFunction(name: string): FqlFunction | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
}

function ofText(change: (text: string) => string): FqlFunction {
  return { parameters: 1, call: ([value]) => (isText(value) ? change(value) : null) };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A question to two texts. Of what is no text the answer is no, also to its opposite. */
function ofTexts(isSo: (text: string, other: string) => boolean): FqlFunction {
  return {
    parameters: 2,
    call: ([text, other]) => isText(text) && isText(other) && isSo(text, other),
    unlike: ([text, other]) => isText(text) && isText(other) && !isSo(text, other),
  };
}

function matches(text: string, pattern: string): boolean {
  try {
    return globOf(pattern)(text);
  } catch (error) {
    throw new FqlRunError(error instanceof Error ? error.message : String(error));
  }
}

/** Patterns are nearly always constants: the last ones are kept. */
const GLOBS_MAX = 500;
const globs = new Map<string, (text: string) => boolean>();

function globOf(pattern: string): (text: string) => boolean {
  const known = globs.get(pattern);
  if (known) return known;
  const glob = compileGlob(pattern);
  if (globs.size >= GLOBS_MAX) globs.clear();
  globs.set(pattern, glob);
  return glob;
}

/** Elements of a list, bytes of a text; of anything else a number that compares with nothing. */
function length(value: unknown): number {
  if (isAbsent(value)) return 0;
  if (isText(value)) return Buffer.byteLength(value);
  return Array.isArray(value) ? value.length : Number.NaN;
}

function fqlType(value: unknown): string {
  if (isAbsent(value)) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function toBoolean(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function toText(value: unknown): string {
  if (isAbsent(value)) return '';
  return isText(value) ? value : JSON.stringify(value);
}

function toNumber(value: unknown): number | null {
  if (isAbsent(value)) return null;
  const number = isText(value) && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && !Number.isNaN(number)) return number;
  throw new FqlRunError('number() of something that is not a number');
}

/** Up to three numbers with dots; what is missing is 0. Other texts compare with nothing. */
function compareVersions(left: unknown, sign: unknown, right: unknown): boolean {
  const first = versionOf(left);
  const second = versionOf(right);
  if (!first || !second) return false;
  const at = first.findIndex((part, index) => part !== second[index]);
  const order = at < 0 ? 0 : (first[at] ?? 0) - (second[at] ?? 0);
  if (sign === '=') return order === 0;
  if (sign === '!=') return order !== 0;
  if (sign === '>') return order > 0;
  if (sign === '>=') return order >= 0;
  if (sign === '<') return order < 0;
  return sign === '<=' && order <= 0;
}

function versionOf(value: unknown): number[] | undefined {
  if (!isText(value)) return undefined;
  const match = /^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(value);
  return match ? match.slice(1).map((part) => Number(part ?? 0)) : undefined;
}
