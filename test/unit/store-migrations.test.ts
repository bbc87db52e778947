/** One set of migrations for both engines, and what PostgreSQL makes of them. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { ControlDatabase } from '../../src/store/engine/control-database.ts';
import { MIGRATIONS, migrate, migratePostgres } from '../../src/store/engine/migrate.ts';
import type { Migration } from '../../src/store/engine/migrate.ts';
import { openPostgresDatabase } from '../../src/store/engine/postgres-database.ts';
import { numberedParameters } from '../../src/store/engine/postgres-dialect.ts';
import { openSqliteDatabase } from '../../src/store/engine/sqlite-database.ts';
import { closeStore, openStore } from '../../src/store/store.ts';
import { forEachEngine } from '../support/store-engines.ts';

const COLUMNS = {
  sqlite: `select tables.name as place, columns.name, columns.type from sqlite_schema as tables
    join pragma_table_info(tables.name) as columns where tables.type = 'table'
    and tables.name not like 'sqlite%' order by place, columns.name`,
  postgres: `select table_name as place, column_name as name, data_type as type, collation_name
    from information_schema.columns where table_schema = current_schema()
    and table_name <> 'control_state' order by table_name collate "C", column_name collate "C"`,
};
const TYPES: Readonly<Record<string, string>> = { text: 'TEXT', bigint: 'INTEGER', bytea: 'BLOB' };

forEachEngine((engine) => {
  let database: ControlDatabase;
  const bring = (migrations: readonly Migration[]): void => {
    const { place } = engine;
    if (typeof place === 'string') migrate(database, place, migrations);
    else migratePostgres(database, place.schema, migrations);
  };

  beforeEach(() => {
    const { place } = engine;
    database = typeof place === 'string' ? openSqliteDatabase(place) : openPostgresDatabase(place);
  });
  afterEach(() => database.close());

  test('what a newer Millrace wrote is refused and left as it is', () => {
    bring([...MIGRATIONS, { version: MIGRATIONS.length + 1, sql: 'create table n (a integer)' }]);
    assert.throws(() => openStore(engine.place), { code: 'DATA_FORMAT_TOO_NEW' });
    assert.equal(database.prepare('select count(*) as n from n').get()?.['n'], 0);
  });

  test('a migration that fails leaves the format as it was', () => {
    const good = { version: 1, sql: 'create table one (\n  a integer\n) strict;' };
    const next = { version: 2, sql: 'create table two (\n  a integer\n) strict;' };
    bring([good]);
    assert.throws(() => bring([good, next, { ...good, version: 3 }]), /already exists/);
    assert.throws(() => database.prepare('select * from two').all());
    bring([good, next]);
    assert.deepEqual(database.prepare('select * from two').all(), []);
  });

  test('every column has the type, and all text the order, of the other engine', () => {
    closeStore(openStore(engine.place));
    const shape = columnsOf(database);
    const reference = openSqliteDatabase(':memory:');
    migrate(reference, 'x');
    assert.deepEqual(shape, columnsOf(reference));
    assert.ok(shape.length > 80);
    reference.close();
  });

  test('rules of the tables hold: words, JSON, emails without case, references', () => {
    closeStore(openStore(engine.place));
    database.exec(`insert into workspaces values ('w', 'W', 1)`);
    const user = (id: string, email: string) =>
      database
        .prepare('insert into users (id, email, name, created_at_ms) values (?, ?, ?, ?)')
        .run(id, email, 'n', 1);
    user('u', 'Ada@Example.com');
    assert.throws(() => user('v', 'ada@example.COM'), /unique/i);
    const document = (workspace: string, text: string) =>
      database
        .prepare('insert into resource_documents values (?, ?, ?, ?)')
        .run(workspace, 'source', text, text);
    assert.equal(document('w', '{"a": "?"}').changes, 1);
    assert.throws(() => document('w', '{'), /check|constraint/i);
    assert.throws(() => document('other', '{}'), /foreign key/i);
  });
});

function columnsOf(database: ControlDatabase): string[] {
  return database
    .prepare(COLUMNS[database.engine])
    .all()
    .map((row) => {
      const type = String(row['type']);
      if (type === 'text') assert.equal(row['collation_name'], 'C', JSON.stringify(row));
      return `${String(row['place'])}.${String(row['name'])} ${TYPES[type] ?? type}`;
    });
}

test('parameters are numbered outside of literals, names and comments', () => {
  const given = `select '?', "a?", 'it''s ?' -- ?\n where a = ? and b = ?2 and c = ?`;
  const expected = `select '?', "a?", 'it''s ?' -- ?\n where a = $1 and b = $2 and c = $2`;
  assert.equal(numberedParameters(given), expected);
});
