/** What people do to deliveries: dead letters again or never, replays begun, paused and ended. */
import type { DeadLetterFilter } from '../../deliver/dead-letter-shapes.ts';
import type { ReplayProgress, ReplaySpec } from '../../deliver/replay-shapes.ts';
import { findDestination } from '../../store/destinations/destinations.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import type { RunningServer } from '../running-server.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'delivery'>;

const STEERED = {
  pause: 'Replay Paused',
  resume: 'Replay Resumed',
  cancel: 'Replay Cancelled',
} as const;

/** @throws MillraceError NOT_FOUND */
export async function retryDeadLetters(
  server: Server,
  destination: string,
  filter: DeadLetterFilter,
  actor: Actor,
): Promise<{ count: number }> {
  const done = await server.delivery.ask('retry-dead-letters', { destination, filter });
  auditWork(server, actor, 'Dead Letters Retried', destination, { filter, ...done });
  return done;
}

/** @param reason stays with what is discarded. @throws MillraceError NOT_FOUND */
export async function discardDeadLetters(
  server: Server,
  destination: string,
  { filter, reason }: { filter: DeadLetterFilter; reason: string },
  actor: Actor,
): Promise<{ count: number }> {
  const done = await server.delivery.ask('discard-dead-letters', { destination, filter, reason });
  auditWork(server, actor, 'Dead Letters Discarded', destination, { filter, reason, ...done });
  return done;
}

/** @throws MillraceError NOT_FOUND, INVALID_ARGUMENT */
export async function startReplay(
  server: Server,
  destination: string,
  spec: ReplaySpec,
  actor: Actor,
): Promise<ReplayProgress> {
  const replay = await server.delivery.ask('start-replay', { destination, spec });
  auditWork(server, actor, 'Replay Started', destination, { id: replay.id, spec });
  return replay;
}

/** @throws MillraceError NOT_FOUND */
export async function steerReplay(
  server: Server,
  destination: string,
  { id, action }: { id: string; action: keyof typeof STEERED },
  actor: Actor,
): Promise<ReplayProgress> {
  const replay = await server.delivery.ask('steer-replay', { destination, id, action });
  auditWork(server, actor, STEERED[action], destination, { id, state: replay.state });
  return replay;
}

/** Of what changes the state of a destination, which is not in the control store. */
function auditWork(
  { store, sealer }: Server,
  actor: Actor,
  action: string,
  slug: string,
  after: object,
): void {
  const found = findDestination(store, sealer, slug);
  const resource = { type: 'destination', id: found?.id ?? slug, name: found?.name ?? slug };
  recordAudit(store, actor, { action, resource, after });
}
