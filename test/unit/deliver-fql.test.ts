/** Segment's filter query language, by its documentation; by its evaluator: fql-oracle.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileFql } from '../../src/fql/fql.ts';
import { FqlRunError } from '../../src/fql/fql-functions.ts';
import { FqlSyntaxError } from '../../src/fql/fql-tokens.ts';
import { compileGlob } from '../../src/fql/glob.ts';
import type { JsonObject } from '../../src/events/json.ts';

const EVENT: JsonObject = {
  type: 'track',
  event: 'Button Clicked',
  userId: null,
  context: { device: { name: 'analytics.js', version: '1.0' } },
  properties: {
    features: ['discounts', 'dark-mode'],
    price: 10,
    text: '10',
    isNew: true,
    isOld: false,
    'product 1': { price: '19.99' },
    'a.b': 'dotted',
    and: 'a word of the language',
    products: [{ sku: 'x' }, { sku: 'y' }],
    empty: '',
    nested: { a: 1, b: [1, 2] },
    katakana: 'アイス',
  },
};

/** Queries and what they give on EVENT. */
const TABLE: readonly (readonly [query: string, expected: boolean])[] = [
  // The documentation's examples.
  [`event = 'Button Clicked'`, true],
  [`event = 'Screen Tapped'`, false],
  [`context.path.path = '/login'`, false],
  [`type = 'identify' or type = 'track'`, true],
  [`event = 'Button Clicked' and type = 'track'`, true],
  [`match( context.device.version, '1.*' )`, true],
  [`match( context.device.version, '2.*' )`, false],
  [`type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )`, true],
  [`!contains( context.device.name, 'js' )`, false],
  [`'dark-mode' in properties.features`, true],
  [`'blink' in properties.features`, false],
  [`!( type in ['track', 'identify'] )`, false],
  [`( type = 'track' or type = 'identify' ) and ( properties.isNew or false )`, true],
  // Precedence: and binds closer than or, ! closest.
  [`true or false and false`, true],
  [`(true or false) and false`, false],
  [`false and false or true`, true],
  [`!false and true`, true],
  [`!(true and false)`, true],
  [`!!true`, true],
  [`!properties.isOld = true`, true],
  // As some of Segment's own presets write it.
  [`type == 'track' AND event = 'Button Clicked'`, true],
  [`type = 'page' OR type = 'track'`, true],
  // Paths.
  [`properties.product\\ 1.price = "19.99"`, true],
  [`properties.a\\.b = 'dotted'`, true],
  [`properties.a.b = 'dotted'`, false],
  [`properties.\\and = 'a word of the language'`, true],
  [`properties.and = 'a word of the language'`, true],
  [`properties.products.1.sku = 'y'`, true],
  [`properties.products.2.sku = null`, true],
  [`properties.products.length = null`, true],
  [`context. device .name = 'analytics.js'`, true],
  [`nothing.at.all = null`, true],
  // Strict types.
  [`properties.price = 10`, true],
  [`properties.price = 10.0`, true],
  [`properties.price = '10'`, false],
  [`properties.text = 10`, false],
  [`properties.price != '10'`, true],
  [`properties.price > 9.5`, true],
  [`properties.price >= 10`, true],
  [`properties.price < 10`, false],
  [`properties.price <= 10`, true],
  [`properties.price>-1`, true],
  [`properties.text > 9`, false],
  [`properties.text < 11`, false],
  [`properties.isNew = true`, true],
  [`properties.isOld = false`, true],
  [`properties.isOld`, false],
  [`properties.features = ['discounts','dark-mode']`, true],
  [`properties.features = ['dark-mode','discounts']`, false],
  [`properties.features != []`, true],
  [`properties.nested = properties.nested`, true],
  // What is compared with a field may be a bare word: a text.
  [`properties.text = properties.text`, true],
  [`properties.gone = userId`, false],
  [`type = track`, true],
  [`type = (track)`, true],
  [`type != track`, false],
  [`type in [identify, track]`, true],
  [`dotted = properties.a\\.b`, false],
  [`'dotted' = properties.a\\.b`, true],
  [`'track' = type`, true],
  [`contains(event, Click)`, true],
  [`contains('a track of sounds', type)`, true],
  [`match(type, track)`, true],
  [`context.device.name = analytics.js`, true],
  [`event = Button\\ Clicked`, true],
  [`lowercase(type) = track`, true],
  // A number that is unlike is a number.
  [`properties.price != 9`, true],
  [`properties.price != 10`, false],
  [`properties.text != 9`, false],
  [`properties.gone != 9`, false],
  [`9 != properties.gone`, false],
  [`!(properties.gone = 9)`, true],
  [`properties.gone != '9'`, true],
  [`properties.price > '9'`, true],
  [`properties.price > 'nine'`, false],
  // Unlike a text, or not in it, is only a text.
  [`!contains(type, 'x')`, true],
  [`!contains(type, 'tr')`, false],
  [`!contains(properties.gone, 'x')`, false],
  [`!contains(properties.price, 'x')`, false],
  [`!!contains(properties.gone, 'x')`, false],
  [`!!contains(type, 'tr')`, true],
  [`!(contains(properties.gone, 'x'))`, true],
  [`!match(type, 'x*')`, true],
  [`!match(properties.gone, 'x*')`, false],
  [`contains(properties.text, 10)`, true],
  // Everything.
  [`all`, true],
  [` all `, true],
  [`all = null`, true],
  [`properties.all`, false],
  // Null and absent are alike, and harmless.
  [`userId = null`, true],
  [`userId != null`, false],
  [`properties.gone = null`, true],
  [`properties.gone = context.gone`, true],
  [`properties.gone != context.gone`, false],
  [`properties.gone`, false],
  [`!properties.gone`, true],
  [`properties.gone and true`, false],
  [`properties.gone or true`, true],
  [`properties.gone > 1`, false],
  [`properties.gone < 1`, false],
  [`properties.gone in ['a']`, false],
  [`properties.gone in [null]`, true],
  [`'a' in properties.gone`, false],
  [`contains(properties.gone, 'a')`, false],
  [`match(properties.gone, '*')`, false],
  [`length(properties.gone) = 0`, true],
  [`length(userId) > 0`, false],
  [`lowercase(properties.gone) = null`, true],
  [`typeof(userId) = 'null'`, true],
  [`typeof(properties.gone) = "null"`, true],
  [`string(userId) = ''`, true],
  [`number(userId) = null`, true],
  [`bool(userId)`, false],
  // Functions.
  [`contains(event, 'Click')`, true],
  [`contains(event, 'click')`, false],
  [`contains(lowercase(event), 'click')`, true],
  [`contains(properties.price, '1')`, false],
  [`length(properties.features) = 2`, true],
  [`length(properties.katakana) = 9`, true],
  [`length(properties.empty) = 0`, true],
  [`length(properties.nested) = 0`, false],
  [`lowercase(event) = 'button clicked'`, true],
  [`lowercase(properties.price) = null`, true],
  [`uppercase(type) = "TRACK"`, true],
  [`snakecase(event) = 'Button_Clicked'`, true],
  [`kebabcase('test string') = 'test-string'`, true],
  [`titlecase('test string') = 'Test String'`, true],
  [`typeof(type) = 'string'`, true],
  [`typeof(properties.price) = 'number'`, true],
  [`typeof(properties.features) = 'list'`, true],
  [`typeof(properties.isNew) = 'bool'`, true],
  [`typeof(properties) = 'object'`, true],
  [`bool(properties.price)`, true],
  [`bool(properties.empty)`, false],
  [`bool([])`, false],
  [`string(properties.price) = '10'`, true],
  [`string([1, 'a']) = '[1,"a"]'`, true],
  [`number(properties.text) = 10`, true],
  [`number('1.5') < 2`, true],
  [`semver(context.device.version, '>=', '1.0.0')`, true],
  [`semver('1.10', '>', '1.9.9')`, true],
  [`semver('1.10', '<', '1.9.9')`, false],
  [`semver('x', '!=', '1')`, false],
  // Texts.
  [`"it's" = 'it\\'s'`, true],
  [`'say "hi"' = "say \\"hi\\""`, true],
  [`match('ab*d', 'ab\\*d')`, true],
  [`match('abcd', 'ab\\*d')`, false],
  [`"a\\d" = 'a\\d'`, true],
  // No path leads into prototypes.
  [`__proto__ = null`, true],
  [`constructor.prototype = null`, true],
  [`properties.constructor = null`, true],
  [`properties.toString = null`, true],
  [`event.length = null`, true],
];

test('queries give what Segment documents', () => {
  for (const [query, expected] of TABLE) {
    assert.equal(compileFql(query)(EVENT), expected, query);
  }
});

test('a path finds a field of the event even where it is called like a prototype', () => {
  const event = JSON.parse('{"__proto__":{"a":1},"constructor":"c"}') as JsonObject;
  assert.equal(compileFql('__proto__.a = 1 and constructor = "c"')(event), true);
});

test('what is not a query is refused, and the place is named', () => {
  const wrong: readonly (readonly [query: string, expected: RegExp])[] = [
    ['', /expected a value at character 1/],
    [`userId = oops"`, /does not end at character 14/],
    ['event =', /expected a value at character 8/],
    ['event = "a" event', /expected an operator or the end at character 13/],
    ['event === "a"', /expected a value/],
    ['(event = "a"', /expected \) at character 13/],
    ['event = "a")', /expected an operator or the end/],
    ['a. = 1', /expected a field name/],
    ['and', /expected a value/],
    ['a and', /expected a value/],
    ['nothing(a)', /unknown function \(there are contains, match/],
    ['constructor(a)', /unknown function/],
    ['contains(a)', /contains takes 2, not 1/],
    ['length()', /length takes 1, not 0/],
    ['match(a, "[")', /does not end/],
    ['match(a, "\\")', /does not end/],
    ['type in ["a"', /expected \]/],
    ['a & b', /unexpected character at character 3/],
    ['properties.product 1 = 2', /expected an operator/],
    [`${'('.repeat(100)}true${')'.repeat(100)}`, /too deep/],
    [`${'!'.repeat(100)}true`, /too deep/],
    [`${'['.repeat(100)}1`, /too deep/],
    [`${'length('.repeat(100)}1`, /too deep/],
    [`event = "${'a'.repeat(20_000)}"`, /longer than 16384/],
  ];
  for (const [query, message] of wrong) {
    assert.throws(
      () => compileFql(query),
      (error) => error instanceof FqlSyntaxError && message.test(error.message),
      query.slice(0, 80),
    );
  }
});

test('a query without an answer on an event fails there, and only there', () => {
  const failing = [
    'event',
    '!event',
    'event and true',
    'false or properties.price',
    'number(event) > 1',
    `'a' in event`,
    'match(event, properties.pattern)',
  ];
  for (const query of failing) {
    const event = { event: 'x', properties: { price: 1, pattern: '[' } };
    assert.throws(() => compileFql(query)(event), FqlRunError, query);
    assert.equal(typeof compileFql(query)({}), 'boolean', query);
  }
  assert.equal(compileFql('true or event')({ event: 'x' }), true);
  assert.equal(compileFql('false and event')({ event: 'x' }), false);
});

test('the same text is parsed once', () => {
  assert.equal(compileFql('type = "track"'), compileFql('type = "track"'));
});

test('patterns match as documented', () => {
  const table: readonly (readonly [text: string, pattern: string, expected: boolean])[] = [
    ['abcd', 'a*d', true],
    ['', '*', true],
    ['', '', true],
    ['', '?', false],
    ['abc', 'ab', false],
    ['abcd', 'a??d', true],
    ['abd', 'a??d', false],
    ['abcd', '*d', true],
    ['abCd', 'ab[cC]d', true],
    ['abcd', 'ab[a-z]d', true],
    ['abcd', 'ab[A-Z]d', false],
    ['abcd', 'ab[^A-Z]d', true],
    ['abcd', 'ab[^c]d', false],
    ['a-d', 'a[b-]d', true],
    ['a]d', 'a[\\]]d', true],
    ['a]d', 'a[]]d', true],
    ['ab*d', 'ab\\*d', true],
    ['ab/c', 'a*', true],
    ['aXbXc', 'a*b*c', true],
    ['mississippi', '*ss*pi', true],
    ['mississippi', '*ss*px', false],
    ['a😀c', 'a?c', true],
    ['line\nbreak', 'line*k', true],
    ['abc', 'a.c', false],
    ['a(c', 'a(c', true],
  ];
  for (const [text, pattern, expected] of table) {
    assert.equal(compileGlob(pattern)(text), expected, `${text} ${pattern}`);
  }
});

test('a pattern that could be tried in endless ways ends', () => {
  assert.equal(compileGlob(`${'*a'.repeat(200)}b`)('a'.repeat(2_000)), false);
});
