/** Answers what is no request: node:http refuses it before anybody is asked. */
import type { Duplex } from 'node:stream';
import { errorBody } from '../events/durable-answer.ts';
import { allowedOrigin } from './cors.ts';
import type { CollectContext } from './context.ts';

interface ClientError extends Error {
  code?: string;
  /** The bytes that could not be read. */
  rawPacket?: Buffer;
}

const ANSWERS: Readonly<
  Record<string, { status: number; reason: string; code: string; message: string }>
> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    code: 'headers_too_large',
    message: 'The headers of a request may have 16 KB',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    code: 'request_timeout',
    message: 'The request took too long to arrive',
  },
};
const BAD = {
  status: 400,
  reason: 'Bad Request',
  code: 'BAD_REQUEST',
  message: 'Not an HTTP request',
};
const ORIGIN = /\r\norigin: *([^\r\n]{1,300})\r\n/i;

/** For `clientError` of a server. The page that sent it may read the answer, and so its owner. */
export function answerClientError(
  context: Pick<CollectContext, 'cells' | 'settings'>,
  error: ClientError,
  socket: Duplex,
): void {
  // A connection that was reset has nobody to tell, and one that has answered has been told.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, reason, code, message } = ANSWERS[error.code ?? ''] ?? BAD;
  context.cells.status(status).value++;
  const text = JSON.stringify(errorBody({ type: 'validation_error', code, message }));
  const origin = ORIGIN.exec(error.rawPacket?.toString('latin1') ?? '')?.[1];
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...allowedOrigin(origin, context.settings.corsOrigins),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
