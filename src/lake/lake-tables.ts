/**
 * What a query sees: the lake's files, the newest rows beside them, and the generated views. The
 * lake's thread says what there is; whoever runs a query makes tables of it.
 */
import { join } from 'node:path';
import type { FileKind } from './file-catalog.ts';
import { columnNames, EVENT_COLUMNS, REJECTED_COLUMNS } from './lake-columns.ts';
import type { LakeState } from './lake-state.ts';
import { absoluteRelation, isOfDay } from './parquet.ts';

/** A moment of the lake; its files stay there for longer than a query may run. */
export interface LakeTables {
  /** Absolute paths, newest first, by day. */
  files: Record<FileKind, readonly DayFiles[]>;
  /** Absolute paths of the parts, newest first. */
  parts: Record<FileKind, readonly string[]>;
  /** Statements of generated schemas and views, by what they make, that are newer than asked. */
  views: readonly (readonly [made: string, sql: string])[];
  /** What the asker knows when it has run these. */
  known: KnownViews;
}

/** Which generated views somebody has: those of one opening of the lake up to a version. */
export interface KnownViews {
  opening: string;
  version: number;
}

export const NO_VIEWS: KnownViews = { opening: '', version: 0 };

export interface DayFiles {
  day: string;
  paths: readonly string[];
}

/** What a query sees now. @param known which views the asker has. */
export function lakeTables(state: LakeState, known: KnownViews): LakeTables {
  const { opening, viewsVersion } = state;
  const has = known.opening === opening ? known.version : 0;
  return {
    files: { events: filesByDay(state, 'events'), rejected: filesByDay(state, 'rejected') },
    parts: { events: partsOf(state, 'events'), rejected: partsOf(state, 'rejected') },
    views: [...state.views]
      .filter(([, { version }]) => version > has)
      .map(([made, { sql }]) => [made, sql] as const),
    known: { opening, version: viewsVersion },
  };
}

function filesByDay(state: LakeState, kind: FileKind): DayFiles[] {
  const { dataFolder } = state.options;
  const days = new Map<string, string[]>();
  for (const { day, path } of state.catalog.files(kind).toReversed()) {
    const paths = days.get(day);
    if (paths) paths.push(join(dataFolder, path));
    else days.set(day, [join(dataFolder, path)]);
  }
  const newestFirst = [...days].toSorted(([a], [b]) => b.localeCompare(a));
  return newestFirst.map(([day, paths]) => ({ day, paths }));
}

function partsOf(state: LakeState, kind: FileKind): string[] {
  return state.parts
    .filter((part) => part.kind === kind)
    .map(({ path }) => path)
    .toReversed();
}

/** Days that a query can leave out one by one; what is older is left out by month. */
const SINGLE_DAYS = 62;

/**
 * The views `events` and `rejected`. Newest first, because the newest rows are asked for most; each
 * day with its bounds, so that the planner leaves out what a query's times rule out.
 */
export function tableStatements({ files, parts }: LakeTables): string[] {
  return [
    viewStatement('events', EVENT_COLUMNS, files.events, parts.events),
    viewStatement('rejected', REJECTED_COLUMNS, files.rejected, parts.rejected),
  ];
}

function viewStatement(
  kind: FileKind,
  columns: Record<string, string>,
  days: readonly DayFiles[],
  parts: readonly string[],
): string {
  const names = columnNames(columns);
  const branches: string[] = [];
  const add = (paths: readonly string[], condition: string): void => {
    const relation = absoluteRelation(paths);
    if (relation !== null) branches.push(`select ${names} from ${relation}${condition}`);
  };
  add(parts, '');
  for (const { day, paths } of days.slice(0, SINGLE_DAYS)) add(paths, ` where ${isOfDay(day)}`);
  const months = new Map<string, string[]>();
  for (const { day, paths } of days.slice(SINGLE_DAYS)) {
    const month = day.slice(0, 7);
    months.set(month, [...(months.get(month) ?? []), ...paths]);
  }
  for (const [month, paths] of months) add(paths, ` where ${isOfMonth(month)}`);
  if (branches.length === 0) branches.push(emptyTable(columns));
  return `create or replace view ${kind} as ${branches.join(' union all ')}`;
}

function isOfMonth(month: string): string {
  const end = new Date(`${month}-01T00:00:00Z`);
  end.setUTCMonth(end.getUTCMonth() + 1);
  return (
    `received_at >= timestamp '${month}-01' and ` +
    `received_at < timestamp '${end.toISOString().slice(0, 10)}'`
  );
}

function emptyTable(columns: Record<string, string>): string {
  const values = Object.entries(columns).map(([name, type]) => `null::${type} as "${name}"`);
  return `select ${values.join(', ')} where false`;
}
