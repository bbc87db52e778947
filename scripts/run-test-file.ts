/**
 * Runs one test file in a process group of its own and says exactly what happened in it. Whatever
 * the file does (crash, hang, leak a timer, leave a server behind), it ends, and the machine is
 * clean for the next one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPORT_VARIABLE } from './test-reporter.ts';
import type { ReportLine } from './test-reporter.ts';

const REPORTER = fileURLToPath(new URL('test-reporter.ts', import.meta.url));
/** The whole file; the longest one (kill -9 rounds) takes minutes. */
const FILE_MS_MAX = 600_000;
/** All its tests have ended and the process lives on: a timer, socket or worker leaks. */
const LINGER_MS_MAX = 30_000;
const WATCH_MS = 500;
/** Output of a file that is shown when it fails; the end matters most. */
const OUTPUT_CHARS_MAX = 20_000;

export interface FileResult {
  passed: number;
  failures: Failure[];
  skips: Skip[];
  notes: string[];
  /** The end of what the file wrote to standard output and error. */
  output: string;
  /** Wall time. */
  elapsedMs: number;
}

export interface Failure {
  name: string;
  /** `file:line:column`, or the file alone when no single test failed. */
  place: string;
  error: string;
}

export interface Skip {
  name: string;
  reason: string;
}

/** Process groups that run now, so that an interrupted runner leaves none behind. */
const running = new Set<number>();

/** Ends everything that this module has started. For the runner's own end. */
export function killRunningFiles(): void {
  for (const group of running) killGroup(group);
}

/** Runs a test file. Never throws for what the file does; that is in the result. */
export async function runTestFile(path: string): Promise<FileResult> {
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-report-'));
  try {
    const report = join(folder, 'report.ndjson');
    const end = await runProcess(path, report);
    const result = { ...summary(readReport(report)), output: end.output };
    const fault = faultOf(end, result, isTestRunning(report));
    if (fault !== undefined) result.failures.push({ name: 'the file', place: path, error: fault });
    return { ...result, elapsedMs: performance.now() - startedMs };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why the runner ended the process; undefined when it ended by itself. */
  killedFor: string | undefined;
  output: string;
}

async function runProcess(path: string, report: string): Promise<ProcessEnd> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', `--test-reporter=${REPORTER}`, path],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, [REPORT_VARIABLE]: report },
    },
  );
  const group = child.pid;
  if (group !== undefined) running.add(group);
  let output = '';
  const keep = (text: string): void => {
    output = (output + text).slice(-OUTPUT_CHARS_MAX);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const closed = once(child, 'close');

  let killedFor: string | undefined;
  const watch = watchReport(report, (reason) => {
    killedFor = reason;
    killGroup(group);
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearInterval(watch);
  // Servers that the file left behind would hold its output open, and ports and processor time.
  killGroup(group);
  if (group !== undefined) running.delete(group);
  await closed;
  return { code, signal, killedFor, output };
}

/** Calls `kill` once when the file takes too long, or does not end after its last test. */
function watchReport(report: string, kill: (reason: string) => void): NodeJS.Timeout {
  const startedMs = performance.now();
  let size = 0;
  let changedMs = startedMs;
  const watch = setInterval(() => {
    const nowMs = performance.now();
    const sizeNow = statSync(report, { throwIfNoEntry: false })?.size ?? 0;
    if (sizeNow !== size) [size, changedMs] = [sizeNow, nowMs];
    let reason: string | undefined;
    if (nowMs - startedMs > FILE_MS_MAX) {
      reason = `did not end within ${FILE_MS_MAX / 1000} s`;
    } else if (nowMs - changedMs > LINGER_MS_MAX && size > 0 && !isTestRunning(report)) {
      reason =
        `did not end within ${LINGER_MS_MAX / 1000} s of its last test: ` +
        'a timer, socket, worker or child process is left open';
    }
    if (reason === undefined) return;
    clearInterval(watch);
    kill(reason);
  }, WATCH_MS);
  return watch;
}

function isTestRunning(report: string): boolean {
  const lines = readReport(report);
  const started = lines.filter(({ kind }) => kind === 'started').length;
  return started > lines.filter(({ kind }) => kind === 'ended').length;
}

function readReport(report: string): ReportLine[] {
  if (statSync(report, { throwIfNoEntry: false }) === undefined) return [];
  const lines = readFileSync(report, 'utf8').split('\n');
  lines.pop(); // Empty, or a line that was cut when the process was killed.
  return lines.map((line) => JSON.parse(line) as ReportLine);
}

function summary(lines: ReportLine[]): Pick<FileResult, 'passed' | 'failures' | 'skips' | 'notes'> {
  const result = {
    passed: 0,
    failures: [] as Failure[],
    skips: [] as Skip[],
    notes: [] as string[],
  };
  for (const line of lines) {
    if (line.kind === 'passed') result.passed++;
    else if (line.kind === 'failed') result.failures.push(line);
    else if (line.kind === 'skipped') result.skips.push(line);
    else if (line.kind === 'note') result.notes.push(line.text);
  }
  return result;
}

/** What is wrong with the file as a whole, beyond the failures that it reported. */
function faultOf(
  end: ProcessEnd,
  result: Pick<FileResult, 'passed' | 'failures' | 'skips'>,
  isInTest: boolean,
): string | undefined {
  if (end.killedFor !== undefined) return end.killedFor;
  if (end.signal !== null) return `was ended by ${end.signal}`;
  if (end.code !== 0 && result.failures.length === 0) {
    return `exited with code ${end.code} and reported no failure`;
  }
  if (isInTest && result.failures.length === 0) return 'ended in the middle of a test';
  if (result.passed + result.failures.length + result.skips.length === 0) return 'has no test';
  return undefined;
}

function killGroup(group: number | undefined): void {
  if (group === undefined) return;
  try {
    // Windows has no groups: there the file itself ends, and what it started may live on.
    process.kill(process.platform === 'win32' ? group : -group, 'SIGKILL');
  } catch {
    // Nothing of the group is left, which is the aim.
  }
}
