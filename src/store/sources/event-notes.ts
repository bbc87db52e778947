/** What people write about events and their properties: the documentation of what is tracked. */
import { MillraceError } from '../../base/errors.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** What a note is about. */
export interface NotePlace {
  source: string;
  /** Type and name: `track/Order Completed`, `identify/`. */
  event: string;
  /** Empty: the event itself. */
  property: string;
}

export interface EventNote extends NotePlace {
  text: string;
  updatedBy: string;
  updatedAtMs: number;
}

/** In the whole workspace. */
const NOTES_MAX = 50_000;

/** Of these sources, by event and property. */
export function listEventNotes(store: Store, sources: readonly string[]): EventNote[] {
  if (sources.length === 0) return [];
  return store.database
    .prepare(
      `select * from event_notes
       where workspace_id = ? and source_slug in (${sources.map(() => '?').join(', ')})
       order by source_slug, event, property`,
    )
    .all(ensureWorkspace(store).id, ...sources)
    .map((row) => ({
      source: String(row['source_slug']),
      event: String(row['event']),
      property: String(row['property']),
      text: String(row['text']),
      updatedBy: String(row['updated_by']),
      updatedAtMs: Number(row['updated_at_ms']),
    }));
}

/**
 * Writes a note; an empty text removes it.
 * @returns the text that was there before, or null.
 * @throws MillraceError CONFLICT when there are too many.
 */
export function setEventNote(
  store: Store,
  { source, event, property }: NotePlace,
  text: string,
  updatedBy: string,
): string | null {
  const workspace = ensureWorkspace(store).id;
  const place = [workspace, source, event, property];
  const where = 'workspace_id = ? and source_slug = ? and event = ? and property = ?';
  const { database } = store;
  const row = database.prepare(`select text from event_notes where ${where}`).get(...place);
  const before = row ? String(row['text']) : null;
  if (text === '') {
    database.prepare(`delete from event_notes where ${where}`).run(...place);
    return before;
  }
  if (before === null) requireRoom(store, workspace);
  database
    .prepare(
      `insert into event_notes
         (workspace_id, source_slug, event, property, text, updated_by, updated_at_ms)
       values (?, ?, ?, ?, ?, ?, ?)
       on conflict (workspace_id, source_slug, event, property) do update set
         text = excluded.text, updated_by = excluded.updated_by,
         updated_at_ms = excluded.updated_at_ms`,
    )
    .run(...place, text, updatedBy, store.clock.wallMs());
  return before;
}

function requireRoom({ database }: Store, workspace: string): void {
  const row = database
    .prepare('select count(*) as notes from event_notes where workspace_id = ?')
    .get(workspace);
  if (Number(row?.['notes']) < NOTES_MAX) return;
  throw new MillraceError('CONFLICT', `There are ${NOTES_MAX} notes already`);
}
