/**
 * `!contains(p, "x")`, `!match(p, "x*")` and `p != 5` were met by events without p, or with one of
 * another type: such events were sent though Segment, which writes these for "does not contain"
 * and "is not (number)", does not send them. fql-oracle.test.ts compares all operators.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFql } from '../../src/fql/fql.ts';

const OTHER_TYPES: readonly unknown[] = [undefined, null, true, [], ['y'], {}, { y: 1 }];

test('of what is absent or of another type nothing is said', () => {
  const table = [
    ['!contains(properties.p, "x")', 'y', 7],
    ['!match(properties.p, "x*")', 'y', 7],
    ['!match(properties.p, "*x")', 'y', 7],
    ['properties.p != 5', 7, 'y'],
    ['properties.p != 5', 7, '7'],
  ] as const;
  for (const [query, unlike, otherType] of table) {
    assert.equal(compileFql(query)({ properties: { p: unlike } }), true, query);
    for (const p of [...OTHER_TYPES, otherType]) {
      assert.equal(compileFql(query)({ properties: { p } }), false, `${query} ${String(p)}`);
    }
    assert.equal(compileFql(query)({}), false, query);
  }
});

test('a condition in parentheses is inverted as a whole, so that what is not wanted stays out', () => {
  const isDropped = compileFql('!(contains(properties.p, "x"))');
  assert.equal(isDropped({ properties: { p: 'x' } }), false);
  for (const p of [...OTHER_TYPES, 'y']) assert.equal(isDropped({ properties: { p } }), true);
});
