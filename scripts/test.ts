/**
 * Runs every check and test and prints what ran: `npm test`.
 *
 *   npm test                                   checks, then all groups
 *   npm test -- unit compat                    only these groups (folders of test/)
 *   npm test -- test/unit/log-writer.test.ts   only this file
 *   npm run check                              only the checks that read the code
 *
 * Exit code: 0 nothing failed, 1 something failed, 2 wrong arguments. What a machine cannot run is
 * listed as skipped with the reason; with CI=true missing toolchains are installed first, and a
 * skip is a failure, so that CI cannot pass by running less.
 */
import { CHECKS, runCheck } from './checks.ts';
import { installToolchains } from './install-toolchains.ts';
import { killRunningFiles, runTestFile } from './run-test-file.ts';
import type { FileResult } from './run-test-file.ts';
import { FILES_AT_ONCE, ROOT, selectTests, testGroups } from './test-groups.ts';
import type { TestGroup } from './test-groups.ts';
import { failureText, indented, totalsReport } from './test-report.ts';
import type { Totals } from './test-report.ts';

const CHECKS_ONLY = '--checks-only';
const isCi = process.env['CI'] === 'true';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => arg !== CHECKS_ONLY);
  const unknown = names.find((name) => name.startsWith('-'));
  if (unknown !== undefined) return refuse(`Unknown option ${unknown}`);
  const isChecksOnly = args.includes(CHECKS_ONLY);
  if (isChecksOnly && names.length > 0) return refuse(`${CHECKS_ONLY} takes no groups or files`);
  const selection = selectTests(testGroups(), names, process.env['INIT_CWD'] ?? process.cwd());
  if (!selection.ok) return refuse(selection.problem);

  // Tests and their servers are relative to the checkout, wherever npm was called.
  process.chdir(ROOT);
  endGroupsWithUs();
  const totals: Totals = { passed: 0, failures: [], skips: [] };
  if (names.length === 0) await runChecks(totals);
  if (!isChecksOnly) await runGroups(selection.groups, totals);
  print(totalsReport(totals, isCi));
  return totals.failures.length === 0 && !(isCi && totals.skips.length > 0) ? 0 : 1;
}

async function runChecks(totals: Totals): Promise<void> {
  print('\n== checks');
  for (const [name, script, ...args] of CHECKS) {
    const { isPassed, output, elapsedMs } = await runCheck(script, args);
    print(`${isPassed ? 'ok    ' : 'FAILED'} ${name}  ${seconds(elapsedMs)}`);
    if (isPassed) {
      totals.passed++;
    } else {
      totals.failures.push({ name, place: 'checks', error: output.trimEnd() });
      print(indented(output.trimEnd()));
    }
  }
}

/**
 * One queue over all groups: a core that has nothing left of one group goes on with the next, so
 * that a long file at the end of a group keeps nobody waiting.
 */
async function runGroups(groups: readonly TestGroup[], totals: Totals): Promise<void> {
  const waiting = groups.flatMap((group) => group.files.map((file) => ({ file, group })));
  const begun = new Map<TestGroup, Promise<void>>();
  const begin = async ({ name, files }: TestGroup): Promise<void> => {
    if (isCi && name === 'compat') await installToolchains(print);
    print(`\n== ${name} (${files.length} files)`);
  };
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { file, group } = next;
      const beginning = begun.get(group) ?? begin(group);
      begun.set(group, beginning);
      await beginning;
      addResult(totals, file, await runTestFile(file));
    }
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker));
}

function addResult(totals: Totals, file: string, result: FileResult): void {
  const { passed, failures, skips, notes, output, elapsedMs } = result;
  totals.passed += passed;
  totals.failures.push(...failures.map((failure) => ({ ...failure, file })));
  totals.skips.push(...skips.map((skip) => ({ ...skip, file })));
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} FAILED`);
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  const mark = failures.length > 0 ? 'FAILED' : 'ok    ';
  print(`${mark} ${file}  ${counts.join(', ')}  ${seconds(elapsedMs)}`);
  for (const note of notes) print(indented(note));
  for (const failure of failures) print(indented(failureText({ ...failure, file })));
  if (failures.length > 0 && output.trim() !== '') {
    print(indented(`Output of ${file}:\n${output.trimEnd()}`));
  }
}

/** An interrupted run leaves no test process behind. */
function endGroupsWithUs(): void {
  process.on('exit', killRunningFiles);
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  process.on('SIGHUP', () => process.exit(129));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n`);
  return 2;
}
