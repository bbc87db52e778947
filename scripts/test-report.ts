/** The end of a test run in words: each failure in full, each skip with its reason, the counts. */
import type { Failure, Skip } from './run-test-file.ts';

export interface Totals {
  passed: number;
  failures: (Failure & { file?: string })[];
  skips: (Skip & { file: string })[];
}

/** Ends with the line `N passed, N failed, N skipped`. */
export function totalsReport(totals: Totals, isSkipFailure: boolean): string {
  const { passed, failures, skips } = totals;
  const lines: string[] = [];
  if (failures.length > 0) {
    lines.push('', '== failures', ...failures.map((failure) => indented(failureText(failure))));
  }
  if (skips.length > 0) {
    const consequence = isSkipFailure ? ' (a failure, because CI=true)' : '';
    lines.push('', `== skipped${consequence}`);
    lines.push(...skips.map(({ file, name, reason }) => `  ${file}: ${name}: ${reason}`));
  }
  lines.push('', `${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
  return lines.join('\n');
}

/** Name, place and error of a failure, without the stack frames inside Node itself. */
export function failureText({ name, place, error, file }: Totals['failures'][number]): string {
  const lines = error
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:(internal|async_hooks)/.test(line));
  const where = file === undefined || place.includes(file) ? place : `${file} (${place})`;
  return `${name}\n  ${where}\n${indented(lines.join('\n'))}\n`;
}

export function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
