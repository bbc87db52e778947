/** What errors of the PostgreSQL driver mean to the control store. */
import pg from 'pg';
import type { ErrorCode } from '../../base/errors.ts';
import { toError } from '../../base/errors.ts';

/** Connection, operator's hand, resources, login, no such database, only reading (failover). */
const AWAY = /^(08|53|57P|28|3D000|25006|25P03)/;
/** These end the connection, or make another one the better choice. */
const LOST = /^(08|57P|25006|25P03)/;
/** Waited too long for a lock or for the statement. */
const BUSY = new Set(['55P03', '57014']);
/** A NUL character, or text that is no Unicode. */
const BAD_TEXT = new Set(['22021', '22P05']);

/** True when another connection may do better. */
export function isConnectionLost(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || LOST.test(error.code ?? '');
}

/** The failure as the caller gets it; the driver's messages hold no password. */
export function postgresFailure(error: unknown): { code: ErrorCode | null; message: string } {
  const { message } = toError(error);
  const state = error instanceof pg.DatabaseError ? (error.code ?? '') : '08';
  if (AWAY.test(state)) {
    // Several addresses that all refuse are one error without a message.
    const reason = message || 'no address of the host answers';
    const text = `The control store (PostgreSQL) cannot be reached: ${reason}`;
    return { code: 'UNAVAILABLE', message: text };
  }
  if (BUSY.has(state)) {
    return { code: 'UNAVAILABLE', message: 'The control store (PostgreSQL) is busy; try again' };
  }
  if (BAD_TEXT.has(state)) {
    return { code: 'INVALID_ARGUMENT', message: 'Text may hold no NUL character' };
  }
  return { code: null, message: `PostgreSQL: ${message} (${state})` };
}
