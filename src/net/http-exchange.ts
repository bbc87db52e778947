/**
 * One HTTP request and its answer over a guarded dispatcher, bounded in time and in bytes. Made of
 * callbacks: streams and abort signals for each request cost more than a small request does.
 */
import type { Dispatcher } from 'undici';
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { NetSettings } from '../config/net-schema.ts';
import type { HttpAnswer, HttpRequest } from './net.ts';
import { netFailure } from './net-failure.ts';
import type { NetReason } from './net-failure.ts';

export interface Way {
  agent: Dispatcher;
  settings: NetSettings;
  clock: Clock;
}

/** @throws MillraceError as `Net.request`. */
export function exchange(
  { agent, settings, clock }: Way,
  url: URL,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const { signal, timeoutMs = settings.timeoutMs } = request;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let isOver = false;
    const end = (): boolean => {
      if (isOver) return false;
      isOver = true;
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
      return true;
    };
    const fail = (error: unknown, reason?: NetReason): void => {
      if (!end()) return;
      try {
        reject(netFailure(error, url.host, reason));
      } catch (defect) {
        reject(toError(defect));
      }
    };
    const stop = (reason: NetReason): void => {
      const error = new Error(reason);
      fail(error, reason);
      // Before it has a connection there is nothing to abort; then it is when it gets one.
      controller?.abort(error);
    };
    const onAbort = (): void => stop('aborted');
    const cancelTimer = clock.after(timeoutMs, () => stop('timeout'));
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort);
    const answer = gather(request.responseBytesMax ?? settings.responseBytesMax);
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        controller = started;
        if (isOver) started.abort(new Error('not waited for'));
      },
      onResponseStart(_, status, headers) {
        answer.start(status, headers);
      },
      onResponseData(running, chunk) {
        if (answer.add(chunk)) return;
        if (end()) resolve(answer.whole());
        running.abort(new Error('longer than wanted'));
      },
      onResponseEnd() {
        if (end()) resolve(answer.whole());
      },
      onResponseError(_, error) {
        fail(error);
      },
    };
    try {
      agent.dispatch(optionsOf(url, request), handler);
    } catch (error) {
      fail(error);
    }
  });
}

function optionsOf(url: URL, request: HttpRequest): Dispatcher.DispatchOptions {
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    headers: { ...request.headers },
    body: request.body === undefined ? null : bodyOf(request.body),
    // The exchange has a timer of its own, and the caller may have asked for longer.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
}

function bodyOf(body: string | Uint8Array): string | Buffer {
  if (typeof body === 'string') return body;
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

interface Gathering {
  start(status: number, headers: Record<string, string | string[] | undefined>): void;
  /** @returns false when there is more than is kept. */
  add(chunk: Buffer): boolean;
  whole(): HttpAnswer;
}

function gather(bytesMax: number): Gathering {
  let [status, length, isTruncated] = [0, 0, false];
  let headers: HttpAnswer['headers'] = {};
  const chunks: Buffer[] = [];
  return {
    start(given, sent) {
      // Of 103 and its kind there may be several before the answer.
      status = given;
      headers = plainHeaders(sent);
    },
    add(chunk) {
      isTruncated = length + chunk.length > bytesMax;
      chunks.push(isTruncated ? chunk.subarray(0, bytesMax - length) : chunk);
      length += chunk.length;
      return !isTruncated;
    },
    whole: () => ({ status, headers, body: Buffer.concat(chunks), isTruncated }),
  };
}

function plainHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
    plain[name.toLowerCase()] = text;
  }
  return plain;
}
