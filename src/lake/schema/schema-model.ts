/** What is known of a source's tables: the words that registry, views and store share. */
import type { ColumnType } from './json-leaves.ts';

export type DocumentName = 'properties' | 'traits' | 'context';
export type TableKind =
  'tracks' | 'event' | 'identifies' | 'pages' | 'screens' | 'groups' | 'aliases';

/** A leaf's place in the message, and where it goes. */
export interface Field {
  document: DocumentName;
  path: string[];
  /** Null when it always goes to `_rescued`: its name is reserved. */
  column: string | null;
  type: ColumnType;
  /** True when some value did not fit, so that the view must rescue. */
  hasMisfits: boolean;
}

export interface Table {
  source: string;
  name: string;
  kind: TableKind;
  /** Spellings of an event's name; none for other tables. */
  eventNames: string[];
  fields: Field[];
  /** True when there were more fields than the limit. */
  hasOverflow: boolean;
}

export interface Source {
  slug: string;
  schema: string;
  tables: Map<string, Table>;
}

/** The document, beside the context, whose leaves are columns of a table. */
export const DOCUMENT_OF_KIND: Record<TableKind, DocumentName | undefined> = {
  tracks: undefined,
  event: 'properties',
  identifies: 'traits',
  pages: 'properties',
  screens: 'properties',
  groups: 'traits',
  aliases: undefined,
};
