/** Numbers, bytes and times for people. */
const COUNT = new Intl.NumberFormat('en');
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function count(value: number): string {
  return COUNT.format(value);
}

export function shortCount(value: number): string {
  return value < 10_000 ? COUNT.format(Math.round(value * 10) / 10) : SHORT.format(value);
}

export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${scaled < 10 && power > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[power]}`;
}

export function share(value: number): string {
  return `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
}

/** Such as `3 s`, `5 min`, `2 h`, `4 days`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** In the reader's time zone, to the second. */
export function time(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === '') return 'never';
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return String(value);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function ago(value: number | string | null | undefined): string {
  if (value === null || value === undefined || value === '') return 'never';
  return `${duration(Date.now() - new Date(value).getTime())} ago`;
}
