/**
 * Reporter of node:test that writes each finished test as one line of JSON to the file named by
 * MILLRACE_TEST_REPORT. It writes at once and synchronously, so that the results of a file that
 * crashes or is killed half-way are not lost.
 */
import { appendFileSync } from 'node:fs';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

export const REPORT_VARIABLE = 'MILLRACE_TEST_REPORT';

/** One line of a report. `started` lines let the reader see that a test is running. */
export type ReportLine =
  | { kind: 'started' }
  | { kind: 'ended' }
  | { kind: 'passed'; name: string }
  | { kind: 'skipped'; name: string; reason: string }
  | { kind: 'failed'; name: string; place: string; error: string }
  | { kind: 'note'; text: string };

type Finished = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>;

/** Nothing is yielded: standard output stays the tests' own. */
// oxlint-disable-next-line import/no-default-export, require-yield -- as node:test wants it.
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<never> {
  const file = process.env[REPORT_VARIABLE];
  if (file === undefined) throw new Error(`${REPORT_VARIABLE} is not set`);
  // Programs that a test starts must not write into this report.
  delete process.env[REPORT_VARIABLE];
  const names: string[] = [];
  for await (const event of events) {
    for (const line of linesOf(event, names)) appendFileSync(file, `${JSON.stringify(line)}\n`);
  }
}

function linesOf(event: TestEvent, names: string[]): ReportLine[] {
  switch (event.type) {
    case 'test:start':
      // Starts are reported in the order of the results, parents before their children.
      names[event.data.nesting] = event.data.name;
      names.length = event.data.nesting + 1;
      return [];
    case 'test:dequeue':
      return event.data.nesting === 0 ? [{ kind: 'started' }] : [];
    case 'test:complete':
      return event.data.nesting === 0 ? [{ kind: 'ended' }] : [];
    case 'test:pass':
    case 'test:fail':
      return finishedLines(event, [...names.slice(0, event.data.nesting), event.data.name]);
    case 'test:diagnostic':
      // The counts at the end are diagnostics too; the runner counts by itself.
      if (
        /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(
          event.data.message,
        )
      ) {
        return [];
      }
      return [{ kind: 'note', text: event.data.message }];
    default:
      return [];
  }
}

function finishedLines({ type, data }: Finished, path: string[]): ReportLine[] {
  const name = path.join(' > ');
  const unfinished = data.skip ?? data.todo;
  if (unfinished !== undefined && unfinished !== false) {
    const label = data.skip === undefined ? 'todo' : 'no reason given';
    return [{ kind: 'skipped', name, reason: typeof unfinished === 'string' ? unfinished : label }];
  }
  if (type === 'test:pass') {
    return data.details.type === 'suite' ? [] : [{ kind: 'passed', name }];
  }
  const { error } = data.details;
  // A parent fails with its children, which are reported by themselves.
  if ('failureType' in error && error.failureType === 'subtestsFailed') return [];
  const place = `${data.file ?? ''}:${data.line ?? 0}:${data.column ?? 0}`;
  const shown = inspect(error.cause ?? error, { depth: 8, maxStringLength: 20_000 });
  return [{ kind: 'failed', name, place, error: shown }];
}
