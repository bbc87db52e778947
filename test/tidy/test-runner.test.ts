/** The runner of these tests must never take a test that did not run for one that passed. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTestFile } from '../../scripts/run-test-file.ts';
import { selectTests } from '../../scripts/test-groups.ts';
import { totalsReport } from '../../scripts/test-report.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-test-runner-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let fileCount = 0;
async function runText(...lines: string[]): ReturnType<typeof runTestFile> {
  const file = join(folder, `case-${fileCount++}.mjs`);
  const imports = ["import { test, describe, it } from 'node:test';"];
  writeFileSync(file, [...imports, ...lines, ''].join('\n'));
  return runTestFile(file);
}

test('counts tests and not suites, and keeps the reason of each skip', async () => {
  const result = await runText(
    "describe('suite', () => { it('one', () => {}); it('two', { skip: 'no disk' }, () => {}); });",
    "test('three', (t) => t.skip('no browser'));",
    "test('four', () => {});",
  );
  assert.deepEqual(
    { passed: result.passed, failures: result.failures, skips: result.skips },
    {
      passed: 2,
      failures: [],
      skips: [
        { kind: 'skipped', name: 'suite > two', reason: 'no disk' },
        { kind: 'skipped', name: 'three', reason: 'no browser' },
      ],
    },
  );
});

test('reports a failing subtest once, by its full name, with its error', async () => {
  const result = await runText(
    "test('outer', async (t) => {",
    "  await t.test('inner', () => { throw new Error('broken on purpose'); });",
    '});',
  );
  assert.equal(result.failures.length, 1);
  assert.equal(result.failures[0]?.name, 'outer > inner');
  assert.match(result.failures[0]?.error ?? '', /broken on purpose/);
});

test('a file without a test has failed', async () => {
  const { failures } = await runText('process.exitCode = 0;');
  assert.match(failures[0]?.error ?? '', /has no test/);
});

test('a file that cannot be loaded has failed', async () => {
  const { failures, output } = await runText("await import('./no-such-file.mjs');");
  assert.equal(failures.length, 1);
  assert.match(output + failures[0]?.error, /no-such-file/);
});

test('a file that exits half-way has failed, and keeps what it had reported', async () => {
  for (const code of [3, 0]) {
    const { passed, failures } = await runText(
      "test('first', () => {});",
      `test('second', () => new Promise(() => setTimeout(() => process.exit(${code}), 200)));`,
    );
    assert.equal(passed, 1);
    assert.equal(failures.length, 1, `exit code ${code}`);
  }
});

test('an exit code other than 0 is a failure even when every test passed', async () => {
  const { failures } = await runText("test('one', () => { process.exitCode = 7; });");
  assert.match(failures[0]?.error ?? '', /exited with code 7/);
});

test('a file that is killed has failed', async () => {
  const { failures } = await runText("test('one', () => process.kill(process.pid, 'SIGKILL'));");
  assert.match(failures[0]?.error ?? '', /SIGKILL/);
});

test('ends the programs that a file leaves behind', async () => {
  const mark = join(folder, 'left-behind');
  const program = `setTimeout(() => require('node:fs').writeFileSync(${JSON.stringify(mark)}, ''), 1500)`;
  const { failures } = await runText(
    "import { spawn } from 'node:child_process';",
    `test('one', () => { spawn(process.execPath, ['-e', ${JSON.stringify(program)}]).unref(); });`,
    "test('two', () => { setTimeout(() => process.exit(0), 200); });",
  );
  assert.deepEqual(failures, []);
  await sleep(2000); // Nothing to wait for: the point is that nothing happens.
  assert.equal(existsSync(mark), false);
});

test('an argument that names no test is a problem and not an empty run', () => {
  const groups = [
    { name: 'unit', files: ['test/unit/a.test.ts', 'test/unit/deep/b.test.ts'] },
    { name: 'crash', files: ['test/crash/c.test.ts'] },
  ];
  const filesOf = (...args: string[]): string[] => {
    const selection = selectTests(groups, args, folder);
    assert.ok(selection.ok);
    return selection.groups.flatMap(({ files }) => files);
  };
  assert.deepEqual(filesOf().length, 3);
  assert.deepEqual(filesOf('crash'), ['test/crash/c.test.ts']);
  assert.deepEqual(filesOf('test/unit/deep'), ['test/unit/deep/b.test.ts']);
  assert.deepEqual(filesOf('test/unit/a.test.ts', 'crash').length, 2);
  assert.equal(selectTests(groups, ['unti'], folder).ok, false);
  assert.equal(selectTests(groups, ['unit', 'test/unit/x.test.ts'], folder).ok, false);
});

test('the report ends with the counts, after every failure and every skip', () => {
  const report = totalsReport(
    {
      passed: 5,
      failures: [{ name: 'breaks', place: 'a.test.ts:1:1', error: 'Error: no' }],
      skips: [{ name: 'drives a browser', reason: 'none here', file: 'b.test.ts' }],
    },
    false,
  );
  assert.match(report, /breaks\n.*a\.test\.ts:1:1\n.*Error: no/);
  assert.match(report, /b\.test\.ts: drives a browser: none here/);
  assert.equal(report.split('\n').at(-1), '5 passed, 1 failed, 1 skipped');
});
