/** What an error of PostgreSQL means for delivery (SQLSTATE: PostgreSQL manual, appendix A). */
import { DatabaseError } from 'pg';
import { MillraceError, toError } from '../../base/errors.ts';
import type { DeliveryOutcome } from '../destination-contract.ts';
import { outcomeOfError, responseText } from '../http-outcome.ts';

/** The row is the trouble: values, constraints, size, or what a trigger says. */
const ROW_CLASSES = ['22', '23', '54', 'P0'];
/** Not logged in, or not allowed to. */
const CREDENTIALS = /^(28...|42501)$/;
/** Going down, coming up, or gone. */
const CONNECTION = /^(08...|57P..)$/;
const CANCELLED = /^(57014|55P03)$/;

export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** True when the database refused a row, and may take the others. */
export function isRowRefused(error: unknown): boolean {
  return ROW_CLASSES.includes(sqlStateOf(error)?.slice(0, 2) ?? '');
}

/** The outcome of all events of a batch that could not be stored for this reason. */
export function outcomeOfFailure(error: unknown, signal: AbortSignal): DeliveryOutcome {
  const retry = { kind: 'retry', scope: 'destination' } as const;
  if (signal.aborted) return { ...retry, reason: 'TIMEOUT', message: 'no whole answer in time' };
  if (error instanceof MillraceError) return outcomeOfError(error);
  const state = sqlStateOf(error);
  const message = messageOf(error);
  if (state === undefined) {
    const isLogin = message.startsWith('SASL');
    return { ...retry, reason: isLogin ? 'CREDENTIALS_REFUSED' : 'NETWORK', message };
  }
  const failure = { response: state, message };
  if (CREDENTIALS.test(state)) return { ...retry, reason: 'CREDENTIALS_REFUSED', ...failure };
  if (CONNECTION.test(state)) return { ...retry, reason: 'NETWORK', ...failure };
  if (CANCELLED.test(state)) return { ...retry, reason: 'TIMEOUT', ...failure };
  // Everything else may be repaired by people, or by waiting, while the events wait in order.
  return { ...retry, reason: 'BATCH_REFUSED', ...failure };
}

/** For people: short, without control characters; may quote a value of the event. */
export function messageOf(error: unknown): string {
  return responseText(Buffer.from(toError(error).message));
}
