/**
 * Every answer the collector gives, in one place.
 *
 * Success is exactly `200` with a JSON object that has `success` (PHP, Python 2.3 and Java SDKs
 * resend on anything else). Every error body is the seed's `{"error":{type,message,field?}}` plus
 * top-level string `code` and `message`, without which Python 2.3 retries a 400 ten times.
 */
import type { ServerResponse } from 'node:http';
import { errorBody } from '../events/durable-answer.ts';
import type { ErrorText } from '../events/durable-answer.ts';

export type ErrorType =
  | 'validation_error'
  | 'authentication_error'
  | 'rate_limit_exceeded'
  | 'service_unavailable'
  | 'not_found'
  | 'method_not_allowed'
  | 'internal_error';

/** A string, because node:http sends head and body in one write only when both are text. */
const SUCCESS_BODY = '{"success":true}';
const JSON_TYPE = 'application/json';
/** A transparent 1×1 GIF: what the pixel endpoint answers, whatever happened (Segment docs). */
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64');

/** Header names and values in turn, as `writeHead` takes them. */
export type HeaderList = string[];

export function answerSuccess(response: ServerResponse, headers: HeaderList): void {
  headers.push('Content-Type', JSON_TYPE, 'Content-Length', '16');
  response.writeHead(200, headers);
  response.end(SUCCESS_BODY, 'latin1');
}

export interface ErrorAnswer extends ErrorText {
  status: number;
  type: ErrorType;
  /** Also sent as `Retry-After`. */
  retryAfter?: number | undefined;
}

/** Any refusal, in the one shape that all SDKs understand (see the file header). */
export function answerError(
  response: ServerResponse,
  headers: HeaderList,
  answer: ErrorAnswer,
): void {
  const { status, retryAfter } = answer;
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter));
  answerJson(response, status, headers, errorBody(answer));
}

/** A JSON answer of any status, with its length. */
export function answerJson(
  response: ServerResponse,
  status: number,
  headers: HeaderList,
  body: unknown,
): void {
  const text = JSON.stringify(body);
  headers.push('Content-Type', JSON_TYPE, 'Content-Length', String(Buffer.byteLength(text)));
  response.writeHead(status, headers);
  response.end(text);
}

/** @param status 200 whatever was wrong with the event; 429 or 503 when a good one was not kept. */
export function answerPixel(
  response: ServerResponse,
  headers: HeaderList,
  status: 200 | 429 | 503,
): void {
  headers.push(
    'Content-Type',
    'image/gif',
    'Content-Length',
    String(PIXEL.length),
    'Cache-Control',
    'no-store',
  );
  response.writeHead(status, headers);
  response.end(PIXEL);
}
