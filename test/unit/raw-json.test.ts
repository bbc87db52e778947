/** The oracle of the compatibility runs: parts of a JSON text exactly as they were written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { itemsOf, membersOf } from '../support/compat/raw-json.ts';

test('members and items are what was written, spaces, escapes and digits included', () => {
  const text = ' { "a" : 9007199254740993 ,"b\\"":"x\\\\","c":{ "d":[1, {}]}, "e":1e-07,"f":null}';
  assert.deepEqual(
    [...membersOf(text)],
    [
      ['a', '9007199254740993'],
      ['b"', '"x\\\\"'],
      ['c', '{ "d":[1, {}]}'],
      ['e', '1e-07'],
      ['f', 'null'],
    ],
  );
  assert.deepEqual(itemsOf('[ 1.0 , "]", [2] ,{"a":"}"}]'), ['1.0', '"]"', '[2]', '{"a":"}"}']);
  assert.deepEqual([[...membersOf('{}')], itemsOf('[ ]')], [[], []]);
});

test('any JSON is taken apart into parts that mean the same', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
      const text = JSON.stringify(object, null, indent);
      const parsed = [...membersOf(text)].map(([name, value]) => [name, JSON.parse(value)]);
      assert.deepEqual(parsed, Object.entries(JSON.parse(text) as object));
      const items = itemsOf(JSON.stringify(Object.values(object), null, indent));
      assert.deepEqual(
        items.map((item) => JSON.parse(item) as unknown),
        JSON.parse(JSON.stringify(Object.values(object))),
      );
    }),
  );
});

test('what is no JSON object is an error, not an endless search', () => {
  assert.throws(() => membersOf('[1]'));
  assert.throws(() => membersOf('{"a":{'));
  assert.throws(() => membersOf('{"a'));
  assert.throws(() => itemsOf('[1'));
});
