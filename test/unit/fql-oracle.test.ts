/**
 * FQL against Segment's own evaluator of triggers: every operator on every kind of field with
 * every kind of literal, on events in which the field is absent, null and of every type. Where
 * Segment's reading is not followed, EXCEPTIONS says so, case by case and why.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileFql } from '../../src/fql/fql.ts';
import type { JsonObject } from '../../src/events/json.ts';

const require = createRequire(import.meta.url);
const { parseFql, validate } = require('@segment/destination-subscriptions') as {
  parseFql(query: string): { error?: Error };
  validate(ast: object, event: object): boolean;
};

const FIELDS = ['type', 'event', 'name', 'userId', 'properties.a', 'traits.b.c', 'context.d.e'];
const OPERATORS = ['=', '!=', '<', '<=', '>', '>='];
const LITERALS = [
  '"x"',
  '""',
  '"7"',
  '"true"',
  '"null"',
  '"Order Completed"',
  'x',
  'Order',
  'a.b',
  'userId',
  '7',
  '-3',
  '0',
  '1.5',
  '-0',
  'true',
  'false',
  'null',
];
const PATTERNS = ['"x*"', '"*x"', '"*"', '"Order *"', '"7*"'];
const VALUES: readonly unknown[] = [
  undefined,
  null,
  '',
  'x',
  'wxyz',
  'xy',
  '7',
  '1.5',
  'true',
  'null',
  'a.b',
  'userId',
  'Order',
  'Order Completed',
  7,
  0,
  -3,
  1.5,
  true,
  false,
  [],
  ['x'],
  [7],
  {},
  { x: 1 },
];

interface Case {
  query: string;
  field: string;
  operator: string;
  literal: string;
}

const CASES: readonly Case[] = FIELDS.flatMap((field) => {
  const compared = OPERATORS.flatMap((operator) =>
    LITERALS.map((literal) => {
      return { query: `${field} ${operator} ${literal}`, field, operator, literal };
    }),
  );
  const asked = ['contains', '!contains', 'match', '!match'].flatMap((operator) =>
    (operator.endsWith('match') ? PATTERNS : LITERALS).map((literal) => {
      return { query: `${operator}(${field}, ${literal})`, field, operator, literal };
    }),
  );
  return [...compared, ...asked];
});

/** Where ours is meant to differ: without an exception both must give the same. */
const EXCEPTIONS: readonly (readonly [why: string, isOne: (given: Case) => boolean])[] = [
  [
    'theirs has no contains and match of the type: the condition is an error there, so false',
    ({ field, operator }) => field === 'type' && /contains|match/.test(operator),
  ],
  [
    'theirs takes null for the text "null" beside an event and a type: ours is absent',
    ({ field, operator, literal }) =>
      literal === 'null' && /^!?=$/.test(operator) && ['type', 'event'].includes(field),
  ],
  [
    'theirs takes null for the text "null" in contains: ours is in no text',
    ({ operator, literal }) => literal === 'null' && operator.endsWith('contains'),
  ],
  [
    'theirs makes a text of != true, so that the constant itself passes: ours is the constant',
    ({ field, operator, literal }) =>
      operator === '!=' && ['true', 'false'].includes(literal) && field.includes('.'),
  ],
  [
    'theirs takes true for the constant beside a userId: ours for the text that an id is',
    ({ field, operator, literal }) =>
      field === 'userId' && operator === '=' && ['true', 'false'].includes(literal),
  ],
];

function isException(given: Case): boolean {
  return EXCEPTIONS.some(([, isOne]) => isOne(given));
}

function eventWith(field: string, value: unknown): JsonObject {
  const [last, ...parents] = field.split('.').toReversed();
  const start: JsonObject = value === undefined ? {} : { [last ?? '']: value };
  return parents.reduce<JsonObject>((inner, key) => ({ [key]: inner }), start);
}

test('every operator, field, literal and value gives what Segment gives', () => {
  let compared = 0;
  for (const given of CASES.filter((one) => !isException(one))) {
    const ast = parseFql(given.query);
    assert.equal(ast.error, undefined, given.query);
    for (const value of VALUES) {
      const event = eventWith(given.field, value);
      const expected = validate(ast, event);
      const on = `${given.query} on ${JSON.stringify(event)}`;
      assert.equal(compileFql(given.query)(event), expected, on);
      compared++;
    }
  }
  assert.ok(compared > 25_000, `${compared} compared`);
});

test('each exception is one: Segment gives something else on some value', () => {
  for (const [why, isOne] of EXCEPTIONS) {
    const differs = CASES.filter(isOne).some(({ query, field }) =>
      VALUES.some((value) => {
        const event = eventWith(field, value);
        return compileFql(query)(event) !== validate(parseFql(query), event);
      }),
    );
    assert.ok(differs, why);
  }
});

test('joined by one word and grouped, Segment gives the same', () => {
  const condition = fc
    .constantFrom(...CASES.filter((one) => !isException(one)))
    .map(({ query }) => query);
  // The first parenthesis that closes ends a group of theirs, also that of a function in it.
  const group = fc
    .tuple(
      fc.array(
        condition.filter((query) => !query.includes('(')),
        { minLength: 2, maxLength: 3 },
      ),
      fc.constantFrom(' and ', ' or '),
    )
    .map(([parts, sign]) => `(${parts.join(sign)})`);
  const query = fc
    .tuple(
      fc.array(fc.oneof(condition, group), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(' and ', ' or '),
    )
    .map(([parts, sign]) => parts.join(sign));
  const event = fc.array(fc.constantFrom(...VALUES), { minLength: 7, maxLength: 7 }).map((all) =>
    FIELDS.reduce<JsonObject>((made, field, at) => {
      return { ...made, ...eventWith(field, all[at]) };
    }, {}),
  );
  fc.assert(
    fc.property(query, event, (given, message) => {
      assert.equal(compileFql(given)(message), validate(parseFql(given), message), given);
    }),
    { numRuns: 2_000 },
  );
});
