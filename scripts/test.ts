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
import { buildServer } from './build-server.ts';
import { CHECKS, runCheck } from './checks.ts';
import type { Check } from './checks.ts';
import { installToolchains } from './install-toolchains.ts';
import { killRunningFiles, runTestFile } from './run-test-file.ts';
import type { FileResult } from './run-test-file.ts';
import { FILES_AT_ONCE, NEEDS_TOOLCHAINS, ROOT, selectTests, testGroups } from './test-groups.ts';
import type { TestGroup } from './test-groups.ts';
import { failureText, indented, totalsReport } from './test-report.ts';
import type { Totals } from './test-report.ts';

const CHECKS_ONLY = '--checks-only';
const isCi = process.env['CI'] === 'true';

type Job = () => Promise<void>;

interface FileRun {
  totals: Totals;
  /** Settles when the toolchains are there, or will not be. */
  installing: Promise<void> | undefined;
}

interface Run {
  hasChecks: boolean;
  totals: Totals;
}

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
  // Tests start what users start, and the source may change while they run.
  process.env['SERVER_UNDER_TEST'] = await buildServer();
  const totals: Totals = { passed: 0, failures: [], skips: [] };
  const groups = isChecksOnly ? [] : selection.groups;
  await runQueue(groups, { hasChecks: names.length === 0, totals });
  print(totalsReport(totals, isCi));
  return totals.failures.length === 0 && !(isCi && totals.skips.length > 0) ? 0 : 1;
}

/**
 * One queue of checks and files: a core that has nothing left of one group goes on with the next,
 * so that a long file at the end of a group keeps nobody waiting.
 */
async function runQueue(groups: readonly TestGroup[], { hasChecks, totals }: Run): Promise<void> {
  const installing = isCi ? startInstalling(groups) : undefined;
  const jobs: Job[] = hasChecks ? await checkJobs(totals) : [];
  jobs.push(...groups.flatMap((group) => fileJobs(group, { totals, installing })));
  await runJobs(jobs, FILES_AT_ONCE);
}

/** Downloads fill no core, so they begin at once, and what needs them comes late. */
function startInstalling(groups: readonly TestGroup[]): Promise<void> | undefined {
  const isNeeded = groups.some(({ name }) => NEEDS_TOOLCHAINS.has(name));
  return isNeeded ? installToolchains(print) : undefined;
}

/** The dashboard is built before anything else: tests that show it need it whole. */
async function checkJobs(totals: Totals): Promise<Job[]> {
  print('\n== checks');
  const jobs = CHECKS.map((check) => () => runOneCheck(check, totals));
  await jobs.shift()?.();
  return jobs;
}

async function runOneCheck([name, script, ...args]: Check, totals: Totals): Promise<void> {
  const { isPassed, output, elapsedMs } = await runCheck(script, args);
  print(`${isPassed ? 'ok    ' : 'FAILED'} ${name}  ${seconds(elapsedMs)}`);
  if (isPassed) {
    totals.passed++;
  } else {
    totals.failures.push({ name, place: 'checks', error: output.trimEnd() });
    print(indented(output.trimEnd()));
  }
}

function fileJobs(group: TestGroup, { totals, installing }: FileRun): Job[] {
  const { name, files } = group;
  const isWaiting = NEEDS_TOOLCHAINS.has(name);
  return files.map((file, at) => async () => {
    if (isWaiting) await installing;
    if (at === 0) print(`\n== ${name} (${files.length} files)`);
    addResult(totals, file, await runTestFile(file));
  });
}

/** Begins the jobs in their order, so many at once. */
async function runJobs(jobs: readonly Job[], atOnce: number): Promise<void> {
  const waiting = [...jobs];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
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
