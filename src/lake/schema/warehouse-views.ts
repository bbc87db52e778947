/**
 * The generated views as SQL. They read nothing but the view `events` of schema main, which may be
 * replaced under them as long as its columns stay the same.
 */
import { fieldSql } from './field-sql.ts';
import { FIXED_COLUMNS } from './fixed-columns.ts';
import { identityLinksSql } from './identity-links.ts';
import type { Source, Table, TableKind } from './schema-model.ts';
import { sqlName, sqlText, sqlTexts } from '../sql-text.ts';

const TYPE_OF_KIND: Record<TableKind, string> = {
  tracks: 'track',
  event: 'track',
  identifies: 'identify',
  pages: 'page',
  screens: 'screen',
  groups: 'group',
  aliases: 'alias',
};

/** What the expressions of columns read of a row of `events`. */
const READ_COLUMNS = `e.message_id, e.received_at, e.sent_at, e."timestamp", e.original_timestamp,
  e.anonymous_id, e.user_id, e.event, e.name, e.category, e.group_id, e.previous_id,
  e.context, e.properties, e.traits, e."partition", e."position", e."index"`;

/**
 * The newest row of a group: by when it happened, but never after it was received (a wrong clock
 * must not pin a value for ever), then by arrival.
 */
const LATEST_ORDER = `row(least(e."timestamp", e.received_at), e.received_at,
  e."partition", e."position", e."index")`;

/** Statements for a source that is new: its schema, and the views that need no columns. */
export function sourceStatements(source: Source): string[] {
  return [
    `create schema if not exists ${sqlName(source.schema)}`,
    view(source, 'identity_links', identityLinksSql(source.slug)),
  ];
}

/** The view of a table, and of the table that has its latest values; one statement for each. */
export function tableStatements(source: Source, table: Table): string[] {
  const statements = [view(source, table.name, tableSql(table))];
  if (table.kind === 'identifies') {
    statements.push(view(source, 'users', latestSql(table, 'user_id')));
  } else if (table.kind === 'groups') {
    statements.push(view(source, 'accounts', latestSql(table, 'group_id')));
  }
  return statements;
}

function view(source: Source, name: string, body: string): string {
  return `create or replace view ${sqlName(source.schema)}.${sqlName(name)} as ${body}`;
}

function tableSql(table: Table): string {
  const { groups, columns } = fieldSql(table);
  const fixed = FIXED_COLUMNS[table.kind].map(([name, sql]) => {
    // All events of a table have its name; naming each again would cost every query and view.
    const isTableName = table.kind === 'event' && name === 'event';
    return `${isTableName ? sqlText(table.name) : sql} as ${sqlName(name)}`;
  });
  const all = [...fixed, ...columns].join(',\n  ');
  return `select ${all}\nfrom (${rowsSql(table, groups)}) as e`;
}

/** One row for each id, with the latest value that is not null of each column. */
function latestSql(table: Table, id: 'user_id' | 'group_id'): string {
  const { groups, columns, names } = fieldSql(table);
  const latest = names.map((name) => {
    return `arg_max(e.${sqlName(name)}, e.latest_order) as ${sqlName(name)}`;
  });
  const all = [
    `e.latest_id as id`,
    'max(e.latest_received_at) as received_at',
    'max(e.latest_received_at) as uuid_ts',
    ...latest,
  ];
  const own = [
    `e.${id} as latest_id`,
    'e.received_at as latest_received_at',
    `${LATEST_ORDER} as latest_order`,
  ];
  return `select ${all.join(',\n  ')}
from (select ${[...own, ...columns].join(',\n  ')}
  from (${rowsSql(table, groups)}) as e where e.${id} is not null) as e
group by e.latest_id`;
}

function rowsSql(table: Table, groups: readonly string[]): string {
  const columns = [READ_COLUMNS, ...groups].join(',\n  ');
  const names = table.kind === 'event' ? ` and e.event in (${sqlTexts(table.eventNames)})` : '';
  return `select ${columns}
from main.events as e
where e.source = ${sqlText(table.source)} and e.type = '${TYPE_OF_KIND[table.kind]}'${names}`;
}
