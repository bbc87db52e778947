/**
 * ClickHouse over HTTP: a statement is the body of one POST, its login are headers. That is all we
 * need, and it goes out through `Net` like every other request; the official client would bring
 * sockets, timeouts and retries of its own, past the address guard.
 */
import type { DeliveryOutcome } from '../destination-contract.ts';
import type { Net } from '../../net/net.ts';
import { outcomeOfError, responseText, retryAfterMs } from '../http-outcome.ts';
import type { ClickHouseSettings } from './clickhouse-settings.ts';

/** Above what the engine grants a batch; its signal ends the request first. */
const TIMEOUT_MS = 600_000;
/** The columns of all tables of a database. */
const RESPONSE_BYTES_MAX = 64 * 2 ** 20;
const AUTHENTICATION_CODES = new Set([192, 193, 194, 497, 516]);
/** Errors in a value, and constraints of the table (ClickHouse: ErrorCodes.cpp). */
const ROW_CODES = new Set([6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 321, 349, 407, 469]);

export interface ClickHouse {
  /** Runs a statement that gives nothing. @throws ClickHouseError, or what `Net` throws. */
  execute(text: string): Promise<void>;
  query<Row>(text: string): Promise<Row[]>;
}

/** The server said no. */
export class ClickHouseError extends Error {
  override readonly name = 'ClickHouseError';
  readonly status: number;
  /** ClickHouse's number of the error; 0 when something else answered, such as a proxy. */
  readonly code: number;
  readonly afterMs: number | undefined;

  constructor(status: number, code: number, message: string, afterMs: number | undefined) {
    super(message);
    this.status = status;
    this.code = code;
    this.afterMs = afterMs;
  }
}

/** True when a row is the trouble, and others may be taken. */
export function isRowRefused(error: unknown): boolean {
  return error instanceof ClickHouseError && ROW_CODES.has(error.code);
}

/** @param wallMs the time now, for `Retry-After`. */
export function createClickHouse(
  settings: ClickHouseSettings,
  net: Net,
  options: { signal: AbortSignal; wallMs: () => number },
): ClickHouse {
  // The answer is held back until it is whole, so that its status tells how it ended.
  const url = new URL(settings.url);
  url.searchParams.set('wait_end_of_query', '1');
  const send = async (body: string): Promise<Buffer> => {
    options.signal.throwIfAborted();
    const answer = await net.request({
      method: 'POST',
      url: url.href,
      headers: {
        'content-type': 'text/plain; charset=utf-8',
        'x-clickhouse-user': settings.user,
        'x-clickhouse-key': settings.password,
      },
      body,
      signal: options.signal,
      timeoutMs: TIMEOUT_MS,
      responseBytesMax: RESPONSE_BYTES_MAX,
    });
    if (answer.status === 200 && !answer.isTruncated) return answer.body;
    const text = responseText(answer.body);
    const code = answer.headers['x-clickhouse-exception-code'] ?? /Code: (\d+)/.exec(text)?.[1];
    const afterMs = retryAfterMs(answer.headers['retry-after'], options.wallMs());
    const message = text === '' ? `the service answered ${answer.status}` : text;
    throw new ClickHouseError(answer.status, Number(code ?? 0), message, afterMs);
  };
  return {
    async execute(text) {
      await send(text);
    },
    async query<Row>(text: string) {
      const body = await send(`${text} format JSONEachRow`);
      const lines = body.toString('utf8').split('\n');
      return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
    },
  };
}

/** The outcome of all events of a batch that could not be stored for this reason. */
export function outcomeOfFailure(error: unknown, signal: AbortSignal): DeliveryOutcome {
  const retry = { kind: 'retry', scope: 'destination' } as const;
  if (signal.aborted) return { ...retry, reason: 'TIMEOUT', message: 'no whole answer in time' };
  if (!(error instanceof ClickHouseError)) return outcomeOfError(error);
  const { status, code, message, afterMs } = error;
  const failure = { ...retry, status, afterMs, message };
  const isLogin = AUTHENTICATION_CODES.has(code) || status === 401 || status === 403;
  if (isLogin) return { ...failure, reason: 'CREDENTIALS_REFUSED' };
  if (status === 429) return { ...failure, reason: 'RATE_LIMITED' };
  // The rest may be repaired by people, or by waiting, while the events wait in order.
  return { ...failure, reason: code === 0 ? 'HTTP_STATUS' : 'BATCH_REFUSED' };
}
