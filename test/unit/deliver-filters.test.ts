/** Destination filters: what is refused, what is kept from a destination, and what is cut. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { MillraceError } from '../../src/base/errors.ts';
import {
  applyFilters,
  compileFilters,
  parseFilters,
} from '../../src/deliver/routing/destination-filters.ts';
import type { FilterResult } from '../../src/deliver/routing/destination-filters.ts';
import type { JsonObject } from '../../src/events/json.ts';

function apply(filters: unknown, message: JsonObject): FilterResult {
  return applyFilters(compileFilters(parseFilters(filters)), message);
}

/** The message that passes. */
function passed(filters: unknown, message: JsonObject): JsonObject {
  const result = apply(filters, message);
  assert.equal(result.kind, 'pass');
  return result.kind === 'pass' ? result.message : {};
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

const ALWAYS = 'type != null';
const EVENT: JsonObject = deepFreeze({
  type: 'track',
  event: 'Order Completed',
  messageId: 'm1',
  userId: 'u1',
  context: { ip: '1.2.3.4', page: { url: 'https://shop.example', title: 'Shop' } },
  properties: {
    email: 'a@b.c',
    total: 12,
    products: [{ sku: 'x', price: 1 }, { sku: 'y', price: 2 }, 'text', null],
  },
});

function dropping(fields: object): object[] {
  return [{ if: ALWAYS, actions: [{ type: 'drop_properties', fields }] }];
}

function allowing(fields: object): object[] {
  return [{ if: ALWAYS, actions: [{ type: 'allow_properties', fields }] }];
}

test('without filters, or with none that matches, the very event passes', () => {
  assert.equal(passed([], EVENT), EVENT);
  assert.equal(passed(undefined, EVENT), EVENT);
  assert.equal(passed([{ if: 'type = "page"', actions: [{ type: 'drop' }] }], EVENT), EVENT);
  const disabled = [{ if: ALWAYS, enabled: false, actions: [{ type: 'drop' }] }];
  assert.equal(passed(disabled, EVENT), EVENT);
});

test('a filter that drops says which it was', () => {
  const drop = { if: 'event = "Order Completed"', actions: [{ type: 'DROP' }] };
  const never = { if: 'event = "x"', actions: [{ type: 'drop' }] };
  const reason = 'FILTERED_BY_DESTINATION_FILTER';
  assert.deepEqual(apply([never, drop], EVENT), { kind: 'dropped', reason, filter: 'filters[1]' });
  assert.deepEqual(apply([{ ...drop, title: 'no orders' }], EVENT), {
    kind: 'dropped',
    reason,
    filter: 'no orders',
  });
});

test('a condition without an answer keeps the event back, even beside a filter that matches', () => {
  const filters = [
    { if: ALWAYS, actions: [{ type: 'drop' }] },
    { if: 'properties.email', actions: [{ type: 'drop' }], title: 'secret' },
  ];
  assert.deepEqual(apply(filters, EVENT), {
    kind: 'dropped',
    reason: 'FILTER_INVALID',
    filter: 'secret',
  });
});

test('samples are drawn before events are dropped, wherever the filters stand', () => {
  const filters = [
    { if: ALWAYS, actions: [{ type: 'drop' }] },
    { if: ALWAYS, actions: [{ type: 'sample', percent: 0 }], title: 'sample' },
  ];
  assert.deepEqual(apply(filters, EVENT), {
    kind: 'dropped',
    reason: 'SAMPLED_OUT',
    filter: 'sample',
  });
});

test('properties are dropped before others are allowed, and conditions see the whole event', () => {
  const filters = [
    {
      if: 'properties.email != null',
      actions: [
        { type: 'allow_properties', fields: { properties: ['email', 'total'] } },
        { type: 'drop_properties', fields: { properties: ['email'] } },
      ],
    },
    {
      if: 'properties.email = "a@b.c"',
      actions: [{ type: 'drop_properties', fields: { context: ['ip'] } }],
    },
  ];
  const result = passed(filters, EVENT);
  assert.deepEqual(result['properties'], { total: 12 });
  assert.deepEqual(Object.keys(result['context'] as JsonObject), ['page']);
});

test('named properties are dropped from the event, from objects below it and from lists', () => {
  assert.deepEqual(passed(dropping({ '': ['properties', 'context'] }), EVENT), {
    type: 'track',
    event: 'Order Completed',
    messageId: 'm1',
    userId: 'u1',
  });
  const result = passed(
    dropping({ 'context.page': ['url'], 'properties.products': ['price'] }),
    EVENT,
  );
  assert.deepEqual(result['context'], { ip: '1.2.3.4', page: { title: 'Shop' } });
  assert.deepEqual((result['properties'] as JsonObject)['products'], [
    { sku: 'x' },
    { sku: 'y' },
    'text',
    null,
  ]);
  assert.deepEqual(passed(dropping({ 'gone.at': ['a'], event: ['0'], type: ['x'] }), EVENT), EVENT);
});

test('all but named properties are dropped', () => {
  const result = passed(allowing({ properties: ['total'], 'context.page': ['title'] }), EVENT);
  assert.deepEqual(result, {
    ...EVENT,
    context: { ip: '1.2.3.4', page: { title: 'Shop' } },
    properties: { total: 12 },
  });
  const products = passed(allowing({ 'properties.products': ['sku'] }), EVENT)['properties'];
  assert.deepEqual((products as JsonObject)['products'], [
    { sku: 'x' },
    { sku: 'y' },
    'text',
    null,
  ]);
  const both = [...allowing({ properties: ['total'] }), ...allowing({ properties: ['email'] })];
  assert.deepEqual(passed(both, EVENT)['properties'], {});
});

test('what is not cut is shared with the event, and the event stays as it is', () => {
  const before = JSON.stringify(EVENT);
  const result = passed(dropping({ properties: ['email'] }), EVENT);
  assert.notEqual(result, EVENT);
  assert.equal(result['context'], EVENT['context']);
  assert.equal(JSON.stringify(EVENT), before);
});

test('no path reaches a prototype', () => {
  const names = Object.getOwnPropertyNames(Object.prototype);
  const paths = ['__proto__', 'constructor', 'constructor.prototype', 'properties.__proto__'];
  for (const path of paths) {
    const fields = JSON.parse(`{"${path}":["toString","hasOwnProperty","polluted"]}`) as object;
    assert.deepEqual(passed(dropping(fields), EVENT), EVENT);
    assert.deepEqual(passed(allowing(fields), EVENT), EVENT);
    const sample = { type: 'sample', percent: 0.5, path };
    apply([{ if: ALWAYS, actions: [sample] }], EVENT);
  }
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), names);
  assert.equal(typeof {}.toString, 'function');
  const hostile = JSON.parse(
    '{"type":"track","a":{"__proto__":{"b":1,"c":2},"d":1}}',
  ) as JsonObject;
  assert.equal(
    JSON.stringify(passed(dropping({ a: ['d'], 'a.__proto__': ['b'] }), hostile)),
    '{"type":"track","a":{"__proto__":{"c":2}}}',
  );
});

test("Segment's own code drops and allows the same properties", () => {
  const { transform } = createRequire(import.meta.url)('@segment/tsub') as {
    transform(payload: JsonObject, transformers: readonly object[]): JsonObject;
  };
  const key = fc.constantFrom('a', 'b', 'c');
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(1, 'text', null),
      fc.dictionary(key, tie('tree'), { noNullPrototype: true }),
      // A list in a list would be left with holes by theirs.
      fc.array(
        tie('tree').filter((item) => !Array.isArray(item)),
        { maxLength: 3 },
      ),
    ),
  }));
  const message = fc.record(
    { type: fc.constant('track'), a: tree, b: tree },
    { noNullPrototype: true },
  );
  const path = fc.array(key, { maxLength: 3 }).map((keys) => keys.join('.'));
  const fields = fc.dictionary(path, fc.array(key, { minLength: 1 }), { minKeys: 1, maxKeys: 2 });
  fc.assert(
    fc.property(message, fields, fc.boolean(), (event, cut, isDrop) => {
      const theirs = isDrop
        ? { type: 'drop_properties', config: { drop: cut } }
        : { type: 'allow_properties', config: { allow: cut } };
      const filters = isDrop ? dropping(cut) : allowing(cut);
      const expected = transform(structuredClone(event), [theirs]);
      assert.deepEqual(passed(filters, deepFreeze(event)), expected);
    }),
    { numRuns: 500 },
  );
});

test('a sample is the same at every attempt, about as large as asked, and nested', () => {
  const take = (percent: number, path?: string) => {
    const compiled = compileFilters(
      parseFilters([{ if: ALWAYS, actions: [{ type: 'sample', percent, path }] }]),
    );
    return (message: JsonObject): boolean => applyFilters(compiled, message).kind === 'pass';
  };
  const events = Array.from({ length: 10_000 }, (_, at) => ({
    type: 'track',
    messageId: `m-${at}`,
    userId: `u-${at % 10}`,
  }));
  const third = events.filter(take(0.3));
  assert.ok(third.length > 2_800 && third.length < 3_200, String(third.length));
  assert.deepEqual(events.filter(take(0.3)), third);
  const half = new Set(events.filter(take(0.5)));
  assert.ok(
    third.every((event) => half.has(event)),
    'a larger sample contains the smaller',
  );
  const users = new Set(events.filter(take(0.5, 'userId')).map(({ userId }) => userId));
  assert.ok(users.size > 0 && users.size < 10);
  assert.equal(events.filter(take(0.5, 'userId')).length, users.size * 1_000, 'users are whole');
  assert.equal(events.filter(take(1)).length, 10_000);
  assert.equal(events.filter(take(0)).length, 0);
  const absent = events.filter(take(0.5, 'properties.gone')).length;
  assert.ok(absent === 0 || absent === 10_000, 'events without the field share a fate');
});

test('wrong filters are refused by the path of what is wrong', () => {
  const drop = [{ type: 'drop' }];
  const fine = { if: ALWAYS, actions: drop };
  const fields = { properties: ['a'] };
  const table: readonly (readonly [filters: unknown, field: string])[] = [
    ['x', 'filters'],
    [Array.from({ length: 11 }, () => fine), 'filters'],
    [[fine, fine, { if: 'userId = oops"', actions: drop }], 'filters[2].if'],
    [[{ if: '', actions: drop }], 'filters[0].if'],
    [[{ actions: drop }], 'filters[0].if'],
    [[{ if: ALWAYS }], 'filters[0].actions'],
    [[{ if: ALWAYS, actions: [] }], 'filters[0].actions'],
    [[{ if: ALWAYS, actions: [{ type: 'keep' }] }], 'filters[0].actions[0].type'],
    [[{ if: ALWAYS, actions: [{ type: 'sample' }] }], 'filters[0].actions[0].percent'],
    [[{ if: ALWAYS, actions: [{ type: 'sample', percent: 30 }] }], 'filters[0].actions[0].percent'],
    [[{ if: ALWAYS, actions: [{ type: 'drop_properties' }] }], 'filters[0].actions[0].fields'],
    [
      [{ if: ALWAYS, actions: [{ type: 'drop_properties', fields: { a: 'b' } }] }],
      'filters[0].actions[0].fields.a',
    ],
    [[{ if: ALWAYS, actions: [{ type: 'drop', fields }] }], 'filters[0].actions[0]'],
    [[{ ...fine, iff: 'x' }], 'filters[0]'],
    [[{ ...fine, enabled: 'no' }], 'filters[0].enabled'],
  ];
  for (const [filters, field] of table) {
    assert.throws(
      () => parseFilters(filters),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'DESTINATION_INVALID' &&
        error.field === field &&
        error.message.startsWith(`${field}: `),
      `${field} ${JSON.stringify(filters)}`,
    );
  }
  assert.equal(parseFilters(Array.from({ length: 10 }, () => fine)).length, 10);
});
