/**
 * What a request is answered when what it brought is durable: by the collector, and later beside
 * its events for whoever looks at them live.
 */
import type { Rejection } from './envelope.ts';
import { routeByName } from './routes.ts';
import type { RouteName } from './routes.ts';

/** What of a request decides on its answer. */
export interface DurableRequest {
  route: RouteName;
  eventCount: number;
  rejections: readonly Rejection[];
}

export interface DurableAnswer {
  status: 200 | 400;
  /** Null: no JSON, but the picture that a pixel is always answered. */
  body: object | null;
}

export interface ErrorText {
  type: string;
  code: string;
  message: string;
  field?: string | undefined;
  /** Seconds, at least 1. */
  retryAfter?: number | undefined;
  errors?: readonly Rejection[] | undefined;
}

const SUCCESS = { success: true };

/** @param responses what senders of wrong events of this source want to hear. */
export function durableAnswer(
  { route: name, eventCount, rejections }: DurableRequest,
  responses: 'strict' | 'lenient',
): DurableAnswer {
  const route = routeByName(name);
  const [first] = rejections;
  if (route?.isPixel === true) return { status: 200, body: null };
  if (!first || responses === 'lenient') return { status: 200, body: SUCCESS };
  if (rejections.length < eventCount) {
    return { status: 200, body: partialBody(eventCount - rejections.length, rejections) };
  }
  const isBatch = route?.shape === 'batch';
  const body = errorBody({
    type: 'validation_error',
    code: isBatch && eventCount > 1 ? 'empty_batch_result' : first.code,
    message: first.message,
    field: first.field,
    errors: isBatch ? rejections : undefined,
  });
  return { status: 400, body };
}

/** A batch of which some items were rejected: the reasons by index. */
function partialBody(accepted: number, rejections: readonly Rejection[]): object {
  return {
    success: true,
    code: 'multi_user_error',
    message: 'Some events had errors; only those without errors were stored',
    accepted,
    rejected: rejections.length,
    errors: rejections.map(({ index, type, code, message, field }) => ({
      index,
      type,
      code,
      message,
      ...(field === undefined ? {} : { field }),
    })),
  };
}

/** Any refusal, in the one shape that all SDKs understand: that of the seed, and what they need. */
export function errorBody({ type, code, message, field, retryAfter, errors }: ErrorText): object {
  return {
    error: {
      type,
      message,
      ...(field === undefined ? {} : { field }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    },
    code,
    message,
    ...(errors === undefined ? {} : { errors }),
  };
}
