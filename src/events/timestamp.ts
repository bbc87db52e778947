/** Reads the timestamps that SDKs write (SDK reality: `Z`, offsets, none; up to nanoseconds). */

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?\s?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const MINUTE_MS = 60_000;
/** What four-digit years can say; everything that is computed is kept inside. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * Milliseconds since the Unix epoch of an ISO 8601 text, or null when it is none. Digits below
 * the millisecond are cut; a text without offset is UTC.
 */
export function parseTimestamp(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const match = ISO_8601.exec(value);
  if (!match) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match;
  const monthAt = Number(month) - 1;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const milliseconds = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const date = new Date(0);
  date.setUTCFullYear(Number(year), monthAt, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), milliseconds);
  // 30 February would have become 2 March.
  const isRealDay = date.getUTCMonth() === monthAt && date.getUTCDate() === Number(day);
  if (!isRealDay || Number(year) === 0) return null;
  const offset = offsetMinutes(zone);
  return offset === null ? null : clampTimestamp(date.getTime() - offset * MINUTE_MS);
}

/** Keeps a computed time inside the years 1 to 9999, which every reader can write down. */
export function clampTimestamp(ms: number): number {
  return Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS);
}

function offsetMinutes(zone: string | undefined): number | null {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0;
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
