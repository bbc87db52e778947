/** What people write on an event or a property of it. */
import { MillraceError } from '../../base/errors.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { setEventNote } from '../../store/sources/event-notes.ts';
import type { NotePlace } from '../../store/sources/event-notes.ts';
import { listSources } from '../../store/sources/sources.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';

/** @param text empty: what was written goes. @throws MillraceError NOT_FOUND */
export function writeEventNote(store: Store, place: NotePlace, text: string, actor: Actor): void {
  if (!listSources(store).some(({ slug }) => slug === place.source)) {
    const message = `There is no source ${place.source}`;
    throw new MillraceError('NOT_FOUND', message, { field: 'source' });
  }
  inStoreTransaction(store, () => {
    const before = setEventNote(store, place, text, actor.name);
    const about = [place.source, place.event, place.property].filter(Boolean).join(' · ');
    recordAudit(store, actor, {
      action: 'Event Documentation Modified',
      resource: { type: 'event', id: about, name: about },
      before: before === null ? null : { ...place, text: before },
      after: text === '' ? null : { ...place, text },
    });
  });
}
