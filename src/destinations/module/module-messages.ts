/** What passes between our threads and the one that runs a user's module. */
import type { DeliveryOutcome } from '../destination-contract.ts';
import type { JsonObject } from '../../events/json.ts';
import type {
  FromWorker as ActionsFromWorker,
  ToWorker as ActionsToWorker,
} from '../segment-actions/actions-messages.ts';

/** What the thread is started with. */
export interface ModuleSetup {
  /** Absolute. */
  path: string;
  settings: JsonObject;
}

/** An event as it is handed over; its message is JSON. */
export interface PackedEvent {
  text: string;
  idempotencyKey: string;
  attempts: number;
  progress: string | null;
  replayId: string | null;
  source: { id: string; slug: string };
}

/** The calls that the thread answers, by name. */
export interface ModuleCalls {
  /** One outcome for each event. */
  deliver: { input: readonly PackedEvent[]; output: DeliveryOutcome[] };
  test: { input: null; output: null };
  /** `messages` are Segment's `delete` events, one for each user. */
  deleteUsers: {
    input: { userIds: readonly string[]; messages: readonly JsonObject[] };
    output: null;
  };
}

type Fetching = { kind: 'fetch' | 'fetch-aborted' };
type Answering = { kind: 'answer' | 'no-answer' };

export type ToModule =
  | { kind: 'call'; id: number; name: keyof ModuleCalls; input: unknown }
  | { kind: 'cancel'; id: number }
  | Extract<ActionsToWorker, Answering>;

export type FromModule =
  | { kind: 'ready' }
  | { kind: 'unloadable'; message: string }
  | { kind: 'result'; id: number; output: unknown }
  | { kind: 'error'; id: number; message: string }
  | Extract<ActionsFromWorker, Fetching>;
