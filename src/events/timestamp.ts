/**
 * Reads the times that SDKs and apps write. Beside ISO 8601 (`Z`, offsets or none, up to twelve
 * digits of a second) that is what bug reports of real clients show and what can mean one time
 * only: decision 0009 lists the forms.
 */

import { beginsNumber, QUOTE } from './json-bytes.ts';
import { stringAt } from './json-values.ts';

const ZONE = '\\s?(:?Z|UTC|GMT|[+-]\\d{2}(?::?\\d{2})?)?';
const CLOCK = '(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,12}))?)?(?:\\s?([ap])m)?';
/** A day and a time, in the syntax that JavaScript and RE2 share; in upper or lower case. */
export const DATE_TIME_PATTERN = `(\\d{4})-(\\d{2})-(\\d{2})[T ]${CLOCK}${ZONE}`;
/** `20240131T120000Z`. The empty group stands where the other form has `am` or `pm`. */
export const BASIC_PATTERN =
  '(\\d{4})(\\d{2})(\\d{2})T(\\d{2})(\\d{2})(?:(\\d{2})(?:[.,](\\d{1,12}))?)?()' + ZONE;
/** Also with an hour of one digit, `am` or `pm`, and a colon too many before the Z. */
const EXTENDED = new RegExp(`^(\\d{4})-(\\d{2})-(\\d{2})(?:[T ]${CLOCK}${ZONE})?$`, 'i');
const BASIC = new RegExp(`^${BASIC_PATTERN}$`, 'i');
const DATE_TIME = new RegExp(`^(?:${DATE_TIME_PATTERN}|${BASIC_PATTERN})$`, 'i');
/** Seconds, milliseconds, microseconds or nanoseconds since the epoch, as text. */
const EPOCH = /^\d{10,19}(?:\.\d{1,12})?$/;
/** No time is longer; what is longer is not looked into. */
const TEXT_CHARS_MAX = 120;
const MINUTE_MS = 60_000;
/** What four-digit years can say; everything that is computed is kept inside. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Milliseconds since the Unix epoch of a text or number, or null when it is no time that can be
 * read without doubt. Digits below the millisecond are cut; a text without offset is UTC.
 */
export function parseTimestamp(value: unknown): number | null {
  if (typeof value === 'number') return epochMs(value);
  if (typeof value !== 'string' || value.length > TEXT_CHARS_MAX) return null;
  const ms = timeOfText(value) ?? (ODD.test(value) ? timeOfText(plainText(value)) : null);
  return ms === null ? null : clampTimestamp(ms);
}

/**
 * The same of a property, which is a time when its text has a day and a time: a day alone may be
 * somebody's birthday, and digits an order. One that its offset puts beyond the years 1 to 9999 is
 * none, because a column has what was sent or nothing.
 */
export function timeOfProperty(text: string): number | null {
  if (text.length > TEXT_CHARS_MAX || !DATE_TIME.test(text)) return null;
  const ms = timeOfText(text);
  return ms === null || clampTimestamp(ms) !== ms ? null : ms;
}

/** The same of a JSON value, from its bytes; `start` and `end` include the quotes of a text. */
export function timeOfJson(b: Buffer, start: number, end: number): number | null {
  if (b[start] === QUOTE) {
    const ms = timestampOfBytes(b, start + 1, end - 1);
    return Number.isNaN(ms) ? parseTimestamp(stringAt(b, start, end)) : ms;
  }
  return beginsNumber(b[start]) ? epochMs(Number(b.toString('latin1', start, end))) : null;
}

/** Also beyond the years that can be written down. */
function timeOfText(text: string): number | null {
  const match = EXTENDED.exec(text) ?? BASIC.exec(text);
  if (!match) return EPOCH.test(text) ? epochMs(Number(text)) : null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = ''] = match;
  const [half, zone] = match.slice(8);
  const monthAt = Number(month) - 1;
  const hours = hourOf(Number(hour), half);
  // A leap second is the next one, and 24:00:00 the next day.
  if (hours === null || Number(minute) > 59 || Number(second) > 60) return null;
  if (hours === 24 && Number(minute + second + fraction) > 0) return null;
  const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(Number(year), monthAt, Number(day));
  // 30 February would have become 2 March.
  const isRealDay = date.getUTCMonth() === monthAt && date.getUTCDate() === Number(day);
  if (!isRealDay || Number(year) === 0) return null;
  date.setUTCHours(hours, Number(minute), Number(second), milliseconds);
  const offset = offsetMinutes(zone);
  return offset === null ? null : date.getTime() - offset * MINUTE_MS;
}

/** @param half `a` or `p` of am and pm, which have hours from 1 to 12. */
function hourOf(hour: number, half: string | undefined): number | null {
  if (half === undefined || half === '') return hour > 24 ? null : hour;
  if (hour < 1 || hour > 12) return null;
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
}

/** Units by the size of a number of them between September 2001 and November 2286. */
const EPOCH_UNITS = [
  { least: 1e9, ms: 1_000 },
  { least: 1e12, ms: 1 },
  { least: 1e15, ms: 1e-3 },
  { least: 1e18, ms: 1e-6 },
];

function epochMs(value: number): number | null {
  const unit = EPOCH_UNITS.find(({ least }) => value >= least && value < least * 10);
  // What a double cannot say exactly is off by less than a thousandth of a millisecond.
  return unit ? Math.floor(Math.round(value * unit.ms * 1_000) / 1_000) : null;
}

const DIGITS = /\p{Nd}/gu;
/** Marks of the direction of writing, which phones put between digits and letters. */
const MARKS = /[\u061c\u200e\u200f]/g;
/** Names of the zone behind an offset: Java's and Temporal's `[Europe/Berlin]`. */
const ZONE_NAMES = /(Z|[+-]\d{2}:?\d{2})(?:\[[^\][]*\])+$/i;
const ODD = /[^\x20-\x5a\x61-\x7a]/;

/** The same time in the digits and without the ornaments of other places. */
function plainText(text: string): string {
  return text.replace(DIGITS, digitOf).replace(MARKS, '').replace(ZONE_NAMES, '$1');
}

/** Digits of a script stand in one row, 0 first; rows that touch are whole ones. */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let before = 0;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(code - before - 1))) before++;
  return String(before % 10);
}

/** Keeps a computed time inside the years 1 to 9999, which every reader can write down. */
export function clampTimestamp(ms: number): number {
  return Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS);
}

function offsetMinutes(zone: string | undefined): number | null {
  if (zone === undefined || /[a-z]$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 23 || minutes > 59) return null;
  return (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

const DAY_MS = 86_400_000;
/** Days of the months of a year that is no leap year, and of those before them. */
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAYS_BEFORE = MONTH_DAYS.map((_, at) =>
  MONTH_DAYS.slice(0, at).reduce((sum, days) => sum + days, 0),
);
/** From 1 January of the year 0 to the Unix epoch. */
const DAYS_TO_EPOCH = 719_528;

/**
 * The same of a JSON text without its quotes, read from its bytes when it has the form that nearly
 * all SDKs write, `2026-01-30T12:00:00.000Z`; NaN: it has another one, ask `parseTimestamp`.
 */
export function timestampOfBytes(b: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 20 || length > 30 || b[end - 1] !== 0x5a) return Number.NaN;
  if (b[start + 4] !== 0x2d || b[start + 7] !== 0x2d || b[start + 10] !== 0x54) return Number.NaN;
  if (b[start + 13] !== 0x3a || b[start + 16] !== 0x3a) return Number.NaN;
  const year = digits(b, start, 4);
  const month = digits(b, start + 5, 2);
  const day = digits(b, start + 8, 2);
  const hour = digits(b, start + 11, 2);
  const minute = digits(b, start + 14, 2);
  const second = digits(b, start + 17, 2);
  if (!(year >= 1) || !(month >= 1 && month <= 12)) return Number.NaN;
  if (!(hour <= 23) || !(minute <= 59) || !(second <= 59)) return Number.NaN;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const dayMax = (MONTH_DAYS[month - 1] ?? 0) + (isLeap && month === 2 ? 1 : 0);
  if (!(day >= 1 && day <= dayMax)) return Number.NaN;
  const millisecond = length === 20 ? 0 : fractionMs(b, start + 19, end - 1);
  const before = year - 1;
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400) + 1;
  const days =
    year * 365 +
    leapDays +
    (DAYS_BEFORE[month - 1] ?? 0) +
    (isLeap && month > 2 ? 1 : 0) +
    (day - 1) -
    DAYS_TO_EPOCH;
  return days * DAY_MS + hour * 3_600_000 + minute * MINUTE_MS + second * 1000 + millisecond;
}

/** A number of so many digits, or NaN. */
function digits(b: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let p = start; p < start + count; p++) {
    const digit = (b[p] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** `.123…`, of which the first three digits count. */
function fractionMs(b: Uint8Array, start: number, end: number): number {
  if (b[start] !== 0x2e || start + 1 === end) return Number.NaN;
  let value = 0;
  let scale = 100;
  for (let p = start + 1; p < end; p++) {
    const digit = (b[p] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value += digit * scale;
    scale = scale >= 10 ? scale / 10 : 0;
  }
  return value;
}
