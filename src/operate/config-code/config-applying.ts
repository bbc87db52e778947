/** What the parts of applying a document share: how things differ, and where. */
import { isDeepStrictEqual } from 'node:util';
import type { FieldChange, PlannedChange } from './config-plan.ts';
import { MillraceError } from '../../base/errors.ts';
import type { Actor, AuditEntry } from '../../store/people/people-shapes.ts';
import type { ControlSeams } from '../destinations/change-destination.ts';

export interface Applying {
  seams: ControlSeams;
  actor: Actor;
  isPruning: boolean;
  /** Notes what was done, and writes it to the audit log. */
  done(change: PlannedChange, entry: AuditEntry): void;
}

/** Fields in which the second differs; what it does not say does not count. */
export function differences(before: object, after: object): FieldChange[] {
  const old = new Map(Object.entries(before));
  return Object.entries(after)
    .filter(([, value]) => value !== undefined)
    .filter(([field, value]) => !isDeepStrictEqual(plain(old.get(field)), plain(value)))
    .map(([field, value]) => ({ field, before: old.get(field) ?? null, after: value }));
}

/** Without prototypes and undefined fields, which documents do not have. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

/** Does it, and names the place of whatever is wrong with it. */
export function at<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const field = error.field === undefined ? place : `${place}.${error.field}`;
    const message = error.message.replace(`${error.field}: `, '');
    throw new MillraceError(error.code, `${field}: ${message}`, { field, cause: error });
  }
}

/** @throws MillraceError INVALID_ARGUMENT for a field that a new thing needs. */
export function needed<T>(value: T | undefined, field: string): T {
  if (value !== undefined) return value;
  throw new MillraceError('INVALID_ARGUMENT', `${field}: missing`, { field });
}

/** @throws MillraceError CONFLICT for what is decided when it is made. */
export function requireSame(before: unknown, after: unknown, field: string): void {
  if (after === undefined || isDeepStrictEqual(before, after)) return;
  const message = `${field}: is ${JSON.stringify(before)} and stays so; another slug is another one`;
  throw new MillraceError('CONFLICT', message, { field });
}
