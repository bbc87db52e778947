/**
 * `fetch` for Segment's code, by way of our own thread, and nothing beside it: in this thread no
 * socket can be opened. Redirects are answers like others. Loaded before any of Segment's code.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Socket as DatagramSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { ErrorCode } from '../../base/errors.ts';
import type { FetchAnswer, FetchRequest, FromWorker } from './actions-messages.ts';

/** Of `Net`, as it was told from the other thread. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly netCode: ErrorCode;

  constructor(netCode: ErrorCode, message: string) {
    super(message);
    this.netCode = netCode;
  }
}

export interface ParentFetch {
  /** Runs a call; what it fetches is fetched on its account. */
  inCall<T>(callId: number, run: () => Promise<T>): Promise<T>;
  /** The call that runs now. @throws Error outside of any */
  currentCall(): number;
  onAnswer(fetchId: number, answer: FetchAnswer): void;
  onNoAnswer(fetchId: number, code: ErrorCode, message: string): void;
}

interface Pending {
  resolve(answer: FetchAnswer): void;
  reject(error: Error): void;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
/** The connection's own; and an encoding would not be undone on the way back. */
const DROPPED_HEADERS = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);
/** Statuses whose answers have no body (Fetch standard, "null body status"). */
const BODILESS = new Set([204, 205, 304]);

/** A `fetch` whose requests are made by the thread at the other end of the port. */
export interface PortFetch {
  fetch: typeof fetch;
  onAnswer(fetchId: number, answer: FetchAnswer): void;
  onNoAnswer(fetchId: number, code: ErrorCode, message: string): void;
}

/** @param callOf the call on whose account a request is made; may throw. */
export function createPortFetch(port: MessagePort, callOf: () => number): PortFetch {
  const pending = new Map<number, Pending>();
  let fetches = 0;
  const send = (message: FromWorker): void => port.postMessage(message);
  return {
    async fetch(input, init) {
      const callId = callOf();
      const request = new Request(input, init);
      const fetchId = ++fetches;
      const plain = await plainRequest(request);
      const answer = await new Promise<FetchAnswer>((resolve, reject) => {
        const onAbort = (): void => {
          send({ kind: 'fetch-aborted', fetchId });
          reject(new DOMException('This operation was aborted', 'AbortError'));
        };
        if (request.signal.aborted) return onAbort();
        request.signal.addEventListener('abort', onAbort, { once: true });
        pending.set(fetchId, { resolve, reject });
        send({ kind: 'fetch', fetchId, callId, request: plain });
      }).finally(() => pending.delete(fetchId));
      return responseOf(answer);
    },
    onAnswer: (fetchId, answer) => pending.get(fetchId)?.resolve(answer),
    onNoAnswer: (fetchId, code, message) =>
      pending.get(fetchId)?.reject(new FetchError(code, message)),
  };
}

/** Puts our fetch in the place of every other way out of this thread. */
export function installParentFetch(port: MessagePort): ParentFetch {
  const calls = new AsyncLocalStorage<number>();
  const currentCall = (): number => {
    const callId = calls.getStore();
    if (callId === undefined) throw new Error('a request outside of any call');
    return callId;
  };
  const { fetch: parentFetch, ...answers } = createPortFetch(port, currentCall);
  replaceCrossFetch(parentFetch);
  globalThis.fetch = parentFetch;
  refuseSockets();
  return { inCall: (callId, run) => calls.run(callId, run), currentCall, ...answers };
}

async function plainRequest(request: Request): Promise<FetchRequest> {
  const method = METHODS.find((name) => name === request.method.toUpperCase());
  if (!method) throw new TypeError(`method ${request.method} is not supported`);
  const headers = [...request.headers].filter(([name]) => !DROPPED_HEADERS.has(name));
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  return {
    method,
    url: request.url,
    headers: Object.fromEntries(headers),
    ...(body === undefined ? {} : { body }),
  };
}

function responseOf({ status, headers, body, isTruncated }: FetchAnswer): Response {
  if (isTruncated) throw new FetchError('NET_FAILED', 'protocol: the answer is too long');
  const bytes = new Uint8Array(body);
  return new Response(BODILESS.has(status) ? null : bytes, { status, headers });
}

/** Segment's core imports cross-fetch; what it imports is decided here. */
function replaceCrossFetch(parentFetch: typeof fetch): void {
  const require = createRequire(import.meta.url);
  const fromCore = createRequire(require.resolve('@segment/actions-core'));
  const filename = fromCore.resolve('cross-fetch');
  const exports = Object.assign(parentFetch.bind(undefined), {
    default: parentFetch,
    fetch: parentFetch,
    Headers,
    Request,
    Response,
    __esModule: true,
  });
  const stub: Partial<NodeJS.Module> = { id: filename, filename, loaded: true, exports };
  require.cache[filename] = stub as NodeJS.Module;
}

/** Every client ends here: HTTP, TLS, HTTP/2, brokers, SSH, and Node's own fetch. */
function refuseSockets(): void {
  const refuse = (): never => {
    throw new Error('this thread opens no connections of its own');
  };
  Socket.prototype.connect = refuse;
  DatagramSocket.prototype.send = refuse;
  DatagramSocket.prototype.connect = refuse;
}
