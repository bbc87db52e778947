/** Requests of a thread without sockets, made on this side by the `Net` of the destination. */
import { MillraceError, toError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import type { FromWorker, ToWorker } from './actions-messages.ts';

/** What a request is made for. */
export interface FetchingCall {
  net: Net;
  /** Aborted when the call has ended, so that nothing is fetched for it any more. */
  ended: AbortController;
}

/** Answers that actions read: lists and schemas of the service among them. */
const ANSWER_BYTES_MAX = 4 * 2 ** 20;

/**
 * Makes a request for a call that is still under way.
 * @param fetches the requests that can be aborted, by id.
 */
export async function serveFetch(
  call: FetchingCall | undefined,
  fetches: Map<number, AbortController>,
  { fetchId, request }: Extract<FromWorker, { kind: 'fetch' }>,
  send: (answer: Extract<ToWorker, { kind: 'answer' | 'no-answer' }>) => void,
): Promise<void> {
  if (!call) {
    const message = 'the call that asked for it has ended';
    return send({ kind: 'no-answer', fetchId, code: 'NET_FAILED', message });
  }
  const abort = new AbortController();
  fetches.set(fetchId, abort);
  try {
    const answer = await call.net.request({
      ...request,
      signal: AbortSignal.any([abort.signal, call.ended.signal]),
      responseBytesMax: ANSWER_BYTES_MAX,
    });
    const { status, headers, body, isTruncated } = answer;
    send({ kind: 'answer', fetchId, answer: { status, headers, body, isTruncated } });
  } catch (error) {
    const code = error instanceof MillraceError ? error.code : 'NET_FAILED';
    send({ kind: 'no-answer', fetchId, code, message: toError(error).message });
  } finally {
    fetches.delete(fetchId);
  }
}
