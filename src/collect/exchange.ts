/** One event request on its way, from its first byte to its answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../events/routes.ts';
import type { HeaderList } from './answers.ts';
import type { CollectContext } from './context.ts';
import { pushCorsHeaders } from './cors.ts';

/** Everything known about a request while it is on its way. */
export interface Exchange {
  route: Route;
  request: IncomingMessage;
  response: ServerResponse;
  headers: HeaderList;
  receivedAtMs: number;
  startedMs: number;
  /** How the final answer is written; the pixel endpoint answers its image whatever happened. */
  isPixel: boolean;
}

/** Notes when the request came, and begins its answer's headers. */
export function beginExchange(
  context: CollectContext,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Exchange {
  const headers: HeaderList = [];
  pushCorsHeaders(headers, request, context.settings.corsOrigins);
  return {
    route,
    request,
    response,
    headers,
    receivedAtMs: context.clock.wallMs(),
    startedMs: context.clock.monotonicMs(),
    isPixel: false,
  };
}
