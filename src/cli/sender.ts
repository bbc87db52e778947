/** Sends events in batches, again when it makes sense, until each is accepted or refused. */
import type { Clock } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';

export interface SenderOptions {
  url: string;
  writeKey: string;
  batchEventsMax: number;
  batchBytesMax: number;
  attemptsMax: number;
  clock: Clock;
  random: Random;
}

export interface Outgoing {
  event: unknown;
  /** Where it came from, for messages: a line number. */
  line: number;
}

export interface RefusedEvent {
  line: number;
  message: string;
}

export interface BatchOutcome {
  accepted: number;
  refused: RefusedEvent[];
}

const BACKOFF_MS_MIN = 200;
const BACKOFF_MS_MAX = 30_000;
const RETRIED_STATUS = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Sends one batch. Events keep their messageId over attempts, so a repetition is a duplicate and
 * nothing is stored twice.
 * @throws Error when the server cannot be reached, or refuses the key.
 */
export async function sendBatch(
  options: SenderOptions,
  batch: readonly Outgoing[],
): Promise<BatchOutcome> {
  const body = JSON.stringify({
    batch: batch.map(({ event }) => event),
    sentAt: new Date(options.clock.wallMs()).toISOString(),
  });
  for (let attempt = 1; ; attempt++) {
    const answer = await post(options, body);
    if (answer.status === 200) return outcomeOf(batch, answer.body);
    if (answer.status === 400) return refusedAll(batch, answer.body);
    const isFinal = attempt >= options.attemptsMax || !isRetried(answer.status);
    if (isFinal) throw new Error(answer.message);
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (attempt - 1));
    const jitterMs = options.random.below(backoffMs) / 2;
    await options.clock.sleep(Math.max(answer.retryAfterMs, backoffMs / 2 + jitterMs));
  }
}

interface Answer {
  /** 0 when there was none. */
  status: number;
  body: Record<string, unknown>;
  message: string;
  retryAfterMs: number;
}

async function post({ url, writeKey }: SenderOptions, body: string): Promise<Answer> {
  try {
    const response = await fetch(`${url}/v1/batch`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
      },
      body,
    });
    const parsed: unknown = await response.json().catch(() => ({}));
    const object = isObject(parsed) ? parsed : {};
    const text = typeof object['message'] === 'string' ? object['message'] : 'no reason given';
    return {
      status: response.status,
      body: object,
      message: `${url} answered ${response.status}: ${text}`,
      retryAfterMs: Number(response.headers.get('retry-after') ?? 0) * 1000 || 0,
    };
  } catch (error) {
    const { message, cause } = toError(error);
    const reason = cause instanceof Error ? cause.message : message;
    return { status: 0, body: {}, message: `${url} does not answer: ${reason}`, retryAfterMs: 0 };
  }
}

function isRetried(status: number): boolean {
  return status === 0 || RETRIED_STATUS.has(status);
}

function outcomeOf(batch: readonly Outgoing[], body: Record<string, unknown>): BatchOutcome {
  const errors = Array.isArray(body['errors']) ? (body['errors'] as unknown[]) : [];
  const refused = errors.filter(isObject).map((error) => ({
    line: batch[Number(error['index'])]?.line ?? 0,
    message: reasonOf(error),
  }));
  return { accepted: batch.length - refused.length, refused };
}

function refusedAll(batch: readonly Outgoing[], body: Record<string, unknown>): BatchOutcome {
  const byItem = outcomeOf(batch, body);
  if (byItem.refused.length === batch.length) return byItem;
  const message = reasonOf(body);
  return { accepted: 0, refused: batch.map(({ line }) => ({ line, message })) };
}

function reasonOf(error: Record<string, unknown>): string {
  return `${String(error['code'])}: ${String(error['message'])}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
