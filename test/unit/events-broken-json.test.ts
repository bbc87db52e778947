/** Bodies around events that are no JSON: what is kept is what was sent, and nothing is made up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAround } from '../../src/events/broken-json.ts';
import { anyJson, damaged, nearlyBatch } from '../support/arbitrary-json.ts';

const RUNS = 3_000;

/** What JSON.parse says of the text, or nothing. */
function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

test('what is JSON is parsed, and what is not has a fault or a place', () => {
  let broken = 0;
  fc.assert(
    fc.property(damaged(fc.oneof(anyJson, nearlyBatch)), (bytes) => {
      const own = parsed(bytes.toString());
      const around = parseAround(bytes, 'batch');
      if (own) {
        assert.ok(around.ok && around.faults.size === 0);
        assert.deepEqual(around.sent.value, own.value);
        return;
      }
      broken++;
      if (around.ok) assert.ok(around.faults.size > 0, bytes.toString());
      else assert.match(around.problem, / at byte \d+/, bytes.toString());
    }),
    { numRuns: RUNS },
  );
  assert.ok(broken > RUNS / 200, `${broken} bodies were broken`);
});

/** A value with words and texts in it that are no JSON. */
const WORDS = ['NaN', '-Infinity', 'None', 'True', '01', '.5', '+1', '0x1F', '"\\x"', '"a\nb"'];
const item = fc.oneof(
  { weight: 3, arbitrary: anyJson.map((value) => ({ text: JSON.stringify(value), word: null })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...WORDS), anyJson, fc.nat(2)).map(([word, value, how]) => {
      const json = JSON.stringify(value);
      const text = [word, `[${json},${word}]`, `{"a" : {"b":${word} , "c":${json}}}`][how] ?? word;
      return { text, word };
    }),
  },
);

test('the others of a batch are what they are alone, and each fault names its word and byte', () => {
  fc.assert(
    fc.property(fc.array(item, { minLength: 1, maxLength: 5 }), (items) => {
      const text = `{"x":1,"batch":[ ${items.map((one) => one.text).join(' ,')}],"y":"]"}`;
      const bytes = Buffer.from(text);
      const around = parseAround(bytes, 'batch');
      assert.ok(around.ok, text);
      assert.equal(around.json.length, bytes.length);
      const { batch } = around.sent.value as { batch: unknown[] };
      assert.equal(batch.length, items.length);
      items.forEach((one, index) => {
        const fault = around.faults.get(index);
        if (one.word === null) {
          assert.equal(fault, undefined);
          assert.deepEqual(batch[index], JSON.parse(one.text));
          return;
        }
        const [, byte] = / at byte (\d+)$/.exec(fault ?? '') ?? [];
        assert.equal(bytes.indexOf(one.word, Number(byte)), Number(byte), text);
        assert.equal(fault, `${one.word.replace('\n', ' ')} at byte ${byte}`);
      });
    }),
    { numRuns: RUNS },
  );
});

test('where a byte may belong to two events, or to none, the body is refused with the place', () => {
  const bad = (text: string, shape: 'batch' | 'event' = 'batch') => {
    const around = parseAround(Buffer.from(text), shape);
    return around.ok ? null : around.problem;
  };
  assert.equal(bad('{"batch":[{"a":1}{"b":2}]}'), '{ at byte 17, in event 0');
  assert.equal(bad('{"batch":[{"a":"it"s"},{"b":2}]}'), 's at byte 19, in event 0');
  assert.equal(bad('{"batch":[{"a":[1}]}'), '} at byte 17, in event 0');
  assert.equal(bad('{"batch":[{"a":1,},{}]}'), '} at byte 17, in event 0');
  assert.equal(bad('{"batch":[{"a":1},{"b":"'), 'it ends at byte 24, in event 1');
  assert.equal(bad("{'batch':[]}"), "'batch' at byte 1");
  assert.equal(bad('{"batch":[{}],"sentAt":NaN}'), 'NaN at byte 23');
  assert.equal(bad('{"batch":[{"a":NaN}],"batch":[{}]}'), 'NaN at byte 15');
  assert.equal(bad('{"a":NaN}', 'event'), 'NaN at byte 5');
  assert.equal(bad('{"a":1} x'), 'x at byte 8');
  assert.equal(bad('hello'), 'hello at byte 0');
});

test('any depth is walked', () => {
  const deep = '['.repeat(200_000);
  const around = parseAround(
    Buffer.from(`{"batch":[${deep}NaN${']'.repeat(200_000)},{}]}`),
    'batch',
  );
  assert.ok(!around.ok || around.faults.size === 1);
});
