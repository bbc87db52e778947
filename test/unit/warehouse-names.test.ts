import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import {
  columnName,
  NAME_CHARS_MAX,
  schemaName,
  tableName,
  tableNameSql,
} from '../../src/lake/schema/column-names.ts';
import { RESERVED_WORDS } from '../../src/lake/schema/reserved-words.ts';
import { snakeCase } from '../../src/lake/schema/snake-case.ts';
import { sqlText } from '../../src/lake/sql-text.ts';
import { openHarness } from '../support/warehouse-harness.ts';
import type { Harness } from '../support/warehouse-harness.ts';

/** The vectors of the public go-snakecase package. */
const VECTORS: [name: string, snake: string][] = [
  ['@49L0S145_¬fwHƒ0TSLNVp', '49l0s145_fw_h_0tslnvp'],
  ['lk0B@bFmjrLQ_Z6YL', 'lk0_b_b_fmjr_lq_z6yl'],
  ['samPLE text', 'sam_ple_text'],
  ['sample text', 'sample_text'],
  ['sample-text', 'sample_text'],
  ['sample_text', 'sample_text'],
  ['sample___text', 'sample_text'],
  ['sampleText', 'sample_text'],
  ['inviteYourCustomersAddInvites', 'invite_your_customers_add_invites'],
  ['sample 2 Text', 'sample_2_text'],
  ['   sample   2    Text   ', 'sample_2_text'],
  ['   $#$sample   2    Text   ', 'sample_2_text'],
  ['SAMPLE 2 TEXT', 'sample_2_text'],
  ['___$$Base64Encode', 'base64_encode'],
  ['FOO:BAR$BAZ', 'foo_bar_baz'],
  ['FOO#BAR#BAZ', 'foo_bar_baz'],
  ['something.com', 'something_com'],
  ['$something%', 'something'],
  ['•¶§ƒ˚foo˙∆˚¬', 'foo'],
  ['CStringRef', 'cstring_ref'],
  ['5test', '5test'],
  ['test5', 'test5'],
  ['THE5r', 'the5r'],
  ['5TEst', '5test'],
  ['_5TEst', '5test'],
  ['@%#&5TEst', '5test'],
  ['edf_6N', 'edf_6n'],
  ['f_pX9', 'f_p_x9'],
  ['p_z9Rg', 'p_z9_rg'],
  ['2FA Enabled', '2fa_enabled'],
  ['Enabled 2FA', 'enabled_2fa'],
  ['', ''],
];

let harness: Harness;
before(async () => {
  harness = await openHarness();
});
after(() => harness.close());

for (const [name, snake] of VECTORS) {
  test(`snake case of ${JSON.stringify(name)} is ${JSON.stringify(snake)}`, () => {
    assert.equal(snakeCase(name), snake);
  });
}

test('a table is named after its event, in snake case', () => {
  assert.equal(tableName('Order Completed'), 'order_completed');
  assert.equal(tableName('2FA Enabled'), '2fa_enabled');
});

test('an event named like a fixed table or a reserved word gets a prefix', () => {
  assert.equal(tableName('Users'), '_users');
  assert.equal(tableName('identity-links'), '_identity_links');
  assert.equal(tableName('Order'), '_order');
  assert.equal(columnName(['select']), '_select');
  assert.equal(columnName(['order', 'group']), 'order_group');
});

test('nested objects flatten with an underscore', () => {
  assert.equal(columnName(['shippingAddress', 'postalCode']), 'shipping_address_postal_code');
  assert.equal(columnName(['context', 'library', 'name']), 'context_library_name');
});

test('names beyond ASCII stay distinct and say what they can', () => {
  assert.match(tableName('Café Order'), /^caf_order_[0-9a-f]{8}$/);
  assert.match(tableName('注文完了'), /^event_[0-9a-f]{8}$/);
  assert.match(columnName(['']), /^field_[0-9a-f]{8}$/);
  assert.match(columnName(['a', '']), /^a_[0-9a-f]{8}$/);
  const names = ['注文', '注文完了', 'Café Order', 'Cafè Order', 'Caf Order', '🎉', '', ' '];
  assert.equal(new Set(names.map(tableName)).size, names.length);
  const paths = [['é'], ['è'], ['é', 'a'], ['a', 'é'], ['', 'a'], ['a', ''], ['a']];
  assert.equal(new Set(paths.map(columnName)).size, paths.length);
});

test('long names are cut, and names with the same beginning stay distinct', () => {
  const names = ['a'.repeat(300), 'a'.repeat(301), `${'a'.repeat(300)}!`].map(tableName);
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.equal(name.length, NAME_CHARS_MAX);
  assert.equal(tableName('a'.repeat(NAME_CHARS_MAX)), 'a'.repeat(NAME_CHARS_MAX));
});

test('a schema is named after its slug, and never like one of the engine', () => {
  assert.equal(schemaName('my-shop'), 'my_shop');
  for (const slug of ['main', 'memory', 'temp', 'system', 'information_schema', 'pg-catalog']) {
    assert.match(schemaName(slug), /^_/);
  }
  assert.match(schemaName('---'), /^source_[0-9a-f]{8}$/);
});

test('a name needs no quotes for being a word of the engine', async () => {
  const keywords = await harness.rows('select keyword_name as word from duckdb_keywords()');
  assert.ok(keywords.length > 100);
  for (const { word } of keywords) {
    const name = columnName([String(word)]);
    await harness.run(`select count(a.${name}), ${name} from (select 1 as "${name}") a group by 2`);
  }
  assert.equal(new Set(RESERVED_WORDS).size, RESERVED_WORDS.length);
});

test('SQL names the table of any event as we do', async () => {
  const special = fc.constantFrom('Users', 'order', 'a'.repeat(140), 'Ünïcode', '', 'A\0b', "'");
  const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), fc.string(), special);
  await fc.assert(
    fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 20 }), async (drawn) => {
      const names = drawn.map((text) => text.toWellFormed());
      const list = names.map(sqlText).join(', ');
      const rows = await harness.rows(
        `select ${tableNameSql('event')} as name from unnest([${list}]::varchar[]) as t (event)`,
      );
      assert.deepEqual(
        rows.map((row) => row['name']),
        names.map(tableName),
      );
    }),
    { numRuns: 100 },
  );
});
