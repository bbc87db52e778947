/**
 * What RudderStack's SDKs ask of their control plane and data plane beside Segment's routes. Events
 * come by the routes of `events/routes.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SourceEntry } from '../auth/snapshot.ts';
import { answerError, answerJson } from './answers.ts';
import type { HeaderList } from './answers.ts';
import type { CollectContext } from './context.ts';

/** `GET /sourceConfig/`: without it neither their browser SDK nor their mobile SDKs start. */
export const SOURCE_CONFIG_PATH = /^\/sourceConfig\/?$/;
export const MERGE_PATH = /^\/v1\/merge\/?$/;

/**
 * The key is in the query, the header or both. Their SDKs know a wrong one by the words "invalid
 * write key" in the answer, whatever its status, and stop asking.
 * @param query without `?`.
 */
export function handleSourceConfig(
  context: CollectContext,
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
  query: string,
): void {
  const { authorization, host } = request.headers;
  const writeKey = new URLSearchParams(query).get('writeKey') ?? undefined;
  const found = context.authenticator.fromBody(writeKey, authorization, host);
  if (!found.ok) {
    context.cells.unauthorized(found.reason).value++;
    context.cells.status(401).value++;
    answerError(response, headers, {
      status: 401,
      type: 'authentication_error',
      code: 'authentication_error',
      message: 'Invalid write key',
    });
    return;
  }
  // The key may be in the header alone, so this answer is nobody else's.
  headers.push('Cache-Control', 'private, max-age=60', 'Vary', 'Authorization');
  answerJson(response, 200, headers, { source: sourceConfig(found.access.source) });
}

/**
 * What their SDKs read of a source. There are no destinations on devices, so `destinations` is
 * empty, and `statsCollection` keeps their reports on themselves from a route that is not here.
 */
function sourceConfig({ id, name }: SourceEntry): Record<string, unknown> {
  return {
    id,
    name,
    enabled: true,
    config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
    destinations: [],
  };
}

/** Their merge joins identities without an event of Segment's; alias is what says it here. */
export function refuseMerge(
  context: CollectContext,
  response: ServerResponse,
  headers: HeaderList,
): void {
  context.cells.status(400).value++;
  answerError(response, headers, {
    status: 400,
    type: 'validation_error',
    code: 'merge_not_supported',
    message: 'merge is not supported: send an alias with userId and previousId',
    field: 'type',
  });
}
