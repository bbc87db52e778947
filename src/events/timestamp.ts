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
