import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configurationPage } from '../../src/config/configuration-page.ts';
import { destinationSchema } from '../../src/config/deliver-schema.ts';
import { fieldsOf } from '../../src/config/field-tree.ts';
import { sourceSchema } from '../../src/config/source-schema.ts';

test('every setting says what it means and what is allowed', () => {
  const fields = [...fieldsOf(), ...fieldsOf(sourceSchema), ...fieldsOf(destinationSchema)];
  assert.ok(fields.length > 40);
  for (const { path, notes } of fields) {
    assert.ok(notes.description, `${path.join('.')} has a description`);
    assert.ok(notes.allowed, `${path.join('.')} says what is allowed`);
  }
});

test('no two settings share an environment variable', () => {
  const names = fieldsOf().map(({ env }) => env);
  assert.equal(new Set(names).size, names.length);
});

test('docs/configuration.md is what the schema says; else run npm run docs', async () => {
  const file = new URL('../../docs/configuration.md', import.meta.url);
  assert.equal(await readFile(file, 'utf8'), configurationPage());
});
