/** Spans of time as people write them. */
import { MillraceError } from '../base/errors.ts';

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of `30m`, `24h`, `7d`, `0`.
 * @throws MillraceError INVALID_ARGUMENT naming the option.
 */
export function durationMs(text: string, option: string): number {
  const match = /^(\d{1,9})\s*(ms|s|m|h|d)?$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? 'ms'];
  if (!match || unit === undefined || (match[2] === undefined && match[1] !== '0')) {
    const message = `${option}: ${text} is no time (allowed: such as 30m, 24h, 7d or 0)`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: option });
  }
  return Number(match[1]) * unit;
}
