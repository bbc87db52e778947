/**
 * What passes between our threads and the one that runs Segment's code. That thread has no way
 * out of its own: it asks for requests, and they are made here, by the `Net` of the destination.
 */
import type { ErrorCode } from '../../base/errors.ts';
import type { JsonObject } from '../../events/json.ts';
import type { HttpRequest } from '../../net/net.ts';
import type { Oauth } from './segment-settings.ts';

/** Which destination, with which settings. */
export interface ActionsTarget {
  destinationId: string;
  slug: string;
  /** Of its code in the package. */
  folder: string;
  settings: JsonObject;
  /** As configured; null for services without OAuth. */
  oauth: Oauth | null;
  /** What the service gave instead of them, or null. */
  renewedOauth: Oauth | null;
}

/** Events for one action; of a user more than one only in batches. */
export interface ActionsWork extends ActionsTarget {
  partnerAction: string;
  mapping: JsonObject;
  /** Several events in one request. */
  isBatch: boolean;
  events: readonly JsonObject[];
}

/** Why an action did not succeed; what follows from it is decided in our own thread. */
export type FailureCause =
  /** The service answered `status`. */
  | 'status'
  /** The event cannot be made into a request. */
  | 'payload'
  | 'credentials'
  | 'retryable'
  | 'timeout'
  /** `Net` refused or failed, with `code`. */
  | 'net'
  | 'defect';

export interface ActionFailure {
  kind: 'failed';
  cause: FailureCause;
  message: string;
  status?: number | undefined;
  retryAfter?: string | undefined;
  response?: string | undefined;
  code?: ErrorCode | undefined;
}

export type ActionResult =
  { kind: 'delivered'; status?: number | undefined; response?: string | undefined } | ActionFailure;

/** The calls that the thread answers, by name. */
export interface ActionsCalls {
  /** One result for each event. */
  run: { input: ActionsWork; output: ActionResult[] };
  /** Null when the settings are good. */
  test: { input: ActionsTarget; output: string | null };
  /** Null when the service has taken it. */
  delete: { input: ActionsTarget & { userIds: readonly string[] }; output: string | null };
}

export type CallName = keyof ActionsCalls;

export type ToWorker =
  | { kind: 'call'; id: number; name: CallName; input: unknown }
  | { kind: 'cancel'; id: number }
  | { kind: 'answer'; fetchId: number; answer: FetchAnswer }
  | { kind: 'no-answer'; fetchId: number; code: ErrorCode; message: string };

export type FromWorker =
  | { kind: 'result'; id: number; output: unknown }
  | { kind: 'error'; id: number; message: string }
  /** A call has renewed tokens. */
  | { kind: 'renewed'; callId: number; oauth: Oauth }
  | { kind: 'fetch'; fetchId: number; callId: number; request: FetchRequest }
  | { kind: 'fetch-aborted'; fetchId: number };

export interface FetchRequest {
  method: HttpRequest['method'];
  url: string;
  headers: Record<string, string>;
  body?: Uint8Array;
}

export interface FetchAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  isTruncated: boolean;
}
