import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from '../../src/admin/csv.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { durationMs } from '../../src/cli/duration.ts';
import { cellText, tableText } from '../../src/cli/output.ts';
import { barText } from '../../src/cli/progress.ts';

test('a bar shows its share, and nothing when nobody knows it', () => {
  assert.equal(barText(undefined), '');
  assert.equal(barText(0.5), `[${'█'.repeat(12)}${'─'.repeat(12)}]  50 %  `);
  assert.equal(barText(7), `[${'█'.repeat(24)}] 100 %  `);
});

test('times are read with their unit, and refused with what is allowed', () => {
  assert.equal(durationMs('30m', '--overlap'), 1_800_000);
  assert.equal(durationMs('7d', '--overlap'), 604_800_000);
  assert.equal(durationMs('0', '--overlap'), 0);
  for (const text of ['', '5', '5w', '-1s', '1.5h']) {
    assert.throws(
      () => durationMs(text, '--overlap'),
      (error) => error instanceof MillraceError && error.field === '--overlap',
    );
  }
});

test('a cell cannot draw on the terminal, nor be endless', () => {
  assert.equal(cellText('a\u001b[31mb'), 'a\\u001b[31mb');
  assert.equal(cellText('x'.repeat(500)).length, 120);
  assert.equal(cellText(null), '');
  assert.equal(cellText({ a: 1 }), '{"a":1}');
  assert.equal(tableText(['a', 'bb'], [['xyz', 1]]), 'a    bb\n───  ──\nxyz  1');
});

test('CSV: quoted where it must be, and no cell runs as a formula', () => {
  const columns = [{ name: 'a', type: 'VARCHAR' }];
  const cells = ['=1+1', 'a,"b"', '-5', '-x', null, '@cmd', 'two\nlines'];
  const lines = toCsv({ columns, rows: cells.map((cell) => [cell]) }).split('\r\n');
  assert.deepEqual(lines, [
    'a',
    `'=1+1`,
    '"a,""b"""',
    '-5',
    `'-x`,
    '',
    `'@cmd`,
    '"two\nlines"',
    '',
  ]);
});
