/**
 * What typed columns make of a number, judged by its text: a column has exactly the number that was
 * sent, or nothing. A fraction fits a double when the double, printed, is the same number again.
 */

/** `value` is null when no column of numbers holds it; it is for columns of that type then. */
export type ColumnNumber =
  { type: 'integer'; value: bigint | null } | { type: 'float'; value: number | null };

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_DIGITS = 19;
const ZERO = 0x30;

/** Doubles beyond it do not hold every whole number. */
export const SAFE_INTEGER_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** Significant digits and the power of ten behind them; no digits are 0. */
interface Decimal {
  isNegative: boolean;
  digits: string;
  exponent: number;
}

/** @param text a number of JSON; 1.0 and 1e2 are whole numbers too. */
export function columnNumber(text: string): ColumnNumber {
  const decimal = decimalOf(text);
  if (decimal === null) return { type: 'float', value: null };
  const { isNegative, digits, exponent } = decimal;
  const isWhole = exponent >= 0;
  if (isWhole && digits.length + exponent <= INT64_DIGITS) {
    const size = BigInt(digits + '0'.repeat(exponent));
    const value = isNegative ? -size : size;
    if (value >= INT64_MIN && value <= INT64_MAX) return { type: 'integer', value };
  }
  const double = Number(text);
  if (isSame(decimal, decimalOf(String(double)))) return { type: 'float', value: double };
  const isPlain = /^-?\d+$/.test(text);
  return { type: isPlain ? 'integer' : 'float', value: null };
}

/**
 * True when the engine that reads JSON in SQL keeps the number: it reads fractions and exponents as
 * doubles, and whole numbers by their digits.
 */
export function isKeptBySql(text: string): boolean {
  const { type, value } = columnNumber(text);
  if (value === null) return false;
  const isSafe =
    typeof value === 'number' || (value <= SAFE_INTEGER_MAX && value >= -SAFE_INTEGER_MAX);
  return type === 'float' || isSafe || /^-?\d+$/.test(text);
}

/** The same of a text that says a number as most would write it; of another text null. */
export function numberOfText(text: string): ColumnNumber | null {
  return PLAIN_NUMBER.test(text) ? columnNumber(text) : null;
}

/** A zero in front, a plus or an exponent may be part of a name. In the syntax of RE2 too. */
export const PLAIN_INTEGER_PATTERN = '0|-?[1-9][0-9]*';
export const PLAIN_NUMBER_PATTERN = '-?(0|[1-9][0-9]*)([.][0-9]+)?';
const PLAIN_NUMBER = new RegExp(`^(${PLAIN_NUMBER_PATTERN})$`);

function isSame(one: Decimal, other: Decimal | null): boolean {
  return (
    other !== null &&
    one.digits === other.digits &&
    (one.digits === '' || one.isNegative === other.isNegative) &&
    one.exponent === other.exponent
  );
}

/** In one form for each number; null when it is none, such as Infinity. */
function decimalOf(text: string): Decimal | null {
  const match = NUMBER.exec(text);
  if (!match) return null;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const all = whole + fraction;
  let start = 0;
  let end = all.length;
  while (start < end && all.charCodeAt(start) === ZERO) start++;
  while (end > start && all.charCodeAt(end - 1) === ZERO) end--;
  const digits = all.slice(start, end);
  const exponent = digits === '' ? 0 : Number(power) - fraction.length + (all.length - end);
  return { isNegative: sign === '-', digits, exponent };
}
