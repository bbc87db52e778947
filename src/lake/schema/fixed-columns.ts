/** The columns that a table has whatever its events bring (Segment docs: warehouse schema). */
import { tableNameSql } from './column-names.ts';
import type { Field, TableKind } from './schema-model.ts';

/** Holds, as one JSON object, the values of a row that have no column; null when all have one. */
export const RESCUED_COLUMN = '_rescued';

/** Name, and expression over a row `e` of `events`. */
export type FixedColumn = readonly [name: string, expression: string];

const COMMON: readonly FixedColumn[] = [
  ['id', 'e.message_id'],
  ['received_at', 'e.received_at'],
  ['uuid_ts', 'e.received_at'],
  ['sent_at', 'e.sent_at'],
  ['timestamp', 'e."timestamp"'],
  ['original_timestamp', 'e.original_timestamp'],
  ['anonymous_id', 'e.anonymous_id'],
  ['user_id', 'e.user_id'],
];
const TRACK: readonly FixedColumn[] = [
  ['event', tableNameSql('e.event')],
  ['event_text', 'e.event'],
];
const VIEW: readonly FixedColumn[] = [
  ['name', 'e.name'],
  ['category', 'e.category'],
];

export const FIXED_COLUMNS: Record<TableKind, readonly FixedColumn[]> = {
  tracks: [...COMMON, ...TRACK],
  event: [...COMMON, ...TRACK],
  identifies: COMMON,
  pages: [...COMMON, ...VIEW],
  screens: [...COMMON, ...VIEW],
  groups: [...COMMON, ['group_id', 'e.group_id']],
  aliases: [...COMMON, ['previous_id', 'e.previous_id']],
};

/** Names that Segment keeps for itself although we have no such column. */
const KEPT = new Set(['uuid', 'loaded_at', RESCUED_COLUMN]);
const RESERVED = new Map(
  Object.entries(FIXED_COLUMNS).map(([kind, columns]) => [
    kind,
    new Set(columns.map(([name]) => name)),
  ]),
);

/** True when a property or trait cannot have a column of this name. */
export function isReservedColumn(kind: TableKind, name: string): boolean {
  if (KEPT.has(name) || name.startsWith('context_')) return true;
  return RESERVED.get(kind)?.has(name) ?? false;
}

/**
 * SDKs repeat ids and names in properties and traits (SDK reality). Such a value is in its row
 * already, under the reserved name, and needs no rescue: the key, and the row's column.
 */
const SHADOWS: Record<string, string> = {
  id: 'e.message_id',
  name: 'e.name',
  category: 'e.category',
  userId: 'e.user_id',
  user_id: 'e.user_id',
  anonymousId: 'e.anonymous_id',
  anonymous_id: 'e.anonymous_id',
  groupId: 'e.group_id',
  group_id: 'e.group_id',
};

/** What the row has under the reserved name of a field; null when there is nothing to compare. */
export function shadowSql(field: Field): string | null {
  const [key = ''] = field.path;
  return field.path.length === 1 && Object.hasOwn(SHADOWS, key) ? (SHADOWS[key] ?? null) : null;
}
