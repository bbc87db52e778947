/** What a user's module returns and throws, as outcomes. Runs in the thread of the module. */
import type { DeliveryOutcome } from '../destination-contract.ts';
import { DELIVERY_REASONS } from '../delivery-reasons.ts';
import type { DeliveryReason } from '../delivery-reasons.ts';
import { MillraceError, toError } from '../../base/errors.ts';
import { isObject } from '../../events/json.ts';
import { outcomeOfAnswer, outcomeOfError, responseText } from '../http-outcome.ts';
import { FetchError } from '../segment-actions/worker-fetch.ts';

const KINDS = ['delivered', 'retry', 'dead', 'isolate', 'filtered'] as const;
const DEFAULT_REASONS = {
  retry: 'BATCH_REFUSED',
  dead: 'PAYLOAD_INVALID',
  isolate: 'BATCH_REFUSED',
  filtered: 'FILTERED_BY_DESTINATION',
} as const satisfies Record<string, DeliveryReason>;
const CAUSES_MAX = 5;

/**
 * One thing that a module returned for one event: nothing, an outcome, or something with an HTTP
 * status.
 * @throws TypeError for anything else.
 */
export function outcomeOfReturned(value: unknown): DeliveryOutcome {
  if (value === undefined || value === null || value === true) return { kind: 'delivered' };
  if (!isObject(value)) throw new TypeError('an outcome is an object with a kind or a status');
  const status = typeof value['status'] === 'number' ? value['status'] : undefined;
  const given = value['kind'];
  const text =
    textOf(value['message']) ?? textOf(value['errorMessage']) ?? textOf(value['errormessage']);
  if (given === undefined && status !== undefined) {
    const answer = { status, headers: {}, body: Buffer.from(text ?? ''), isTruncated: false };
    return outcomeOfAnswer(answer, { wallMs: 0, events: 1 });
  }
  const kind = KINDS.find((name) => name === given);
  if (!kind)
    throw new TypeError(`an outcome has a kind (${KINDS.join(', ')}), not ${String(given)}`);
  const response = textOf(value['response']);
  const answer = {
    ...(status === undefined ? {} : { status }),
    ...(response === null ? {} : { response }),
  };
  if (kind === 'delivered') return { kind, ...answer };
  const failure = {
    reason: reasonOf(value['reason']) ?? DEFAULT_REASONS[kind],
    message: text ?? `the module said ${kind}`,
    ...answer,
  };
  if (kind !== 'retry') return { kind, ...failure };
  const afterMs = value['afterMs'];
  const progress = value['progress'];
  return {
    kind,
    scope: value['scope'] === 'destination' ? 'destination' : 'event',
    ...(typeof afterMs === 'number' && afterMs >= 0 ? { afterMs } : {}),
    ...(typeof progress === 'string' ? { progress } : {}),
    ...failure,
  };
}

/**
 * What a module threw. The names are those of Segment's functions.
 * @param events how many the call was for.
 */
export function outcomeOfThrown(thrown: unknown, events: number): DeliveryOutcome {
  const error = toError(thrown);
  const message = textOf(error.message) ?? nameOf(error);
  switch (nameOf(error)) {
    case 'RetryError': {
      const scope = events > 1 ? 'destination' : 'event';
      return { kind: 'retry', scope, reason: 'BATCH_REFUSED', message };
    }
    case 'EventNotSupported':
      return { kind: 'filtered', reason: 'EVENT_TYPE_UNSUPPORTED', message };
    case 'DropEvent':
      return { kind: 'filtered', reason: 'FILTERED_BY_DESTINATION', message };
    case 'ValidationError':
    case 'InvalidEventPayload':
      return events > 1
        ? { kind: 'isolate', reason: 'BATCH_REFUSED', message }
        : { kind: 'dead', reason: 'PAYLOAD_INVALID', message };
  }
  const fetching = causesOf(error).find((cause) => cause instanceof FetchError);
  if (fetching instanceof FetchError) {
    const { netCode } = fetching;
    if (netCode === 'ADDRESS_REFUSED' || netCode === 'NET_FAILED') {
      return outcomeOfError(new MillraceError(netCode, fetching.message));
    }
  }
  return defect(message, events);
}

/** The code is the trouble, perhaps with one of the events only. */
export function defect(message: string, events: number): DeliveryOutcome {
  const failure = { reason: 'DESTINATION_DEFECT', message } as const;
  if (events > 1) return { kind: 'isolate', ...failure };
  return { kind: 'retry', scope: 'event', ...failure };
}

/** Bundlers and subclasses set one or the other. */
function nameOf(error: Error): string {
  return error.name === 'Error' ? error.constructor.name : error.name;
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let at = error; at !== undefined && causes.length < CAUSES_MAX;) {
    causes.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  return causes;
}

function reasonOf(value: unknown): DeliveryReason | undefined {
  return typeof value === 'string' && Object.hasOwn(DELIVERY_REASONS, value)
    ? (value as DeliveryReason)
    : undefined;
}

/** Text for people, cut; null when there is none. */
function textOf(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null;
  return responseText(Buffer.from(value));
}
