/** CSV that is opened in a spreadsheet runs nothing (fault F43). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from '../../src/admin/csv.ts';

const csvOf = (cells: unknown[], name = 'a') =>
  toCsv({ columns: cells.map(() => ({ name, type: 'VARCHAR' })), rows: [cells as never] });

test('what a spreadsheet would run is text', () => {
  for (const cell of [
    '=1+1',
    '+1+1',
    '-1+cmd|calc',
    '@SUM(A1)',
    '\t=1+1',
    '\r=1+1',
    '\n=1+1',
    '  =1+1',
    '＝1+1',
    '＋1',
    '－x',
    '＠x',
    '-5-x',
    '+49 123',
  ]) {
    const line = csvOf([cell]).slice('a\r\n'.length);
    assert.match(line, /^"?'/, JSON.stringify(cell));
  }
  assert.match(csvOf(['x'], '=HYPERLINK("http://a")'), /^"'=/, 'names of columns too');
});

test('numbers, and text that no spreadsheet runs, stay as they are', () => {
  const cells = ['-5', '-1.5e+10', '0', '1=1', 'a@b', '2026-01-01', "'", 'x-y', '{"a":1}'];
  for (const cell of cells.slice(0, -1)) assert.equal(csvOf([cell]), `a\r\n${cell}\r\n`);
  assert.equal(csvOf([-5, 1.5, true, null]), 'a,a,a,a\r\n-5,1.5,true,\r\n');
  assert.equal(csvOf([{ '=a': '=1' }]), 'a\r\n"{""=a"":""=1""}"\r\n');
});
