/**
 * An HTTP service that misbehaves by plan: each request takes the next fault, and when none is left
 * the standing one, if any. What it took in is counted apart from what it saw, because a service
 * can take in a request whose answer is lost.
 */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface ServiceAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

export type ServiceFault =
  /** Refuses: 500, 429 with Retry-After, 408, a redirect… */
  | ServiceAnswer
  /** Reads the request and says nothing, for ever. */
  | 'hang'
  /** The head of an answer and a part of its body, then nothing. */
  | 'slow-body'
  /** As fast as it is read, without end. */
  | 'endless-body'
  /** One header of 10 MB. */
  | 'huge-header'
  /** Takes the request in, and hangs up instead of answering. */
  | 'lost-answer'
  /** Does not take it in; RST. */
  | 'reset'
  /** Does not take it in; closes its side in good order (FIN). */
  | 'half-open'
  /** Not HTTP. */
  | 'garbage';

export interface ServiceRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Unpacked. */
  body: string;
}

export interface FakeService {
  url: string;
  port: number;
  /** Every request that came in whole. */
  requests: ServiceRequest[];
  /** Those that the service acted on. */
  taken: ServiceRequest[];
  /** Connections ever accepted. */
  connections(): number;
  /** Connections that are open now. */
  openConnections(): number;
  /** The next requests take these, one each. */
  plan(...faults: ServiceFault[]): void;
  /** All others take this; null ends it. */
  always(fault: ServiceFault | null): void;
  /** What a healthy service answers; by default 200 `{"success":true}`. */
  answerWith(answer: (request: ServiceRequest) => ServiceAnswer): void;
  close(): Promise<void>;
}

const HUGE_HEADER_BYTES = 10_000_000;
const CHUNK = Buffer.alloc(16_384, 'x');

export async function startFakeService(host = '127.0.0.1'): Promise<FakeService> {
  const requests: ServiceRequest[] = [];
  const taken: ServiceRequest[] = [];
  const faults: ServiceFault[] = [];
  const sockets = new Set<Socket>();
  let standing: ServiceFault | null = null;
  let connections = 0;
  let answer: (request: ServiceRequest) => ServiceAnswer = () => ({
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: '{"success":true}',
  });
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await requestOf(incoming);
    requests.push(request);
    const fault = faults.shift() ?? standing;
    // Of an endless body the status counts, and it is 200.
    const isTaken = fault === null || fault === 'lost-answer' || fault === 'endless-body';
    if (isTaken) taken.push(request);
    if (fault === null) write(response, answer(request));
    else if (typeof fault === 'object') write(response, fault);
    else misbehave(response, incoming.socket, fault);
  };
  const server = createServer((incoming, response) => {
    response.on('error', () => undefined); // The client hung up, as it should.
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    requests,
    taken,
    connections: () => connections,
    openConnections: () => sockets.size,
    plan: (...planned) => void faults.push(...planned),
    always: (fault) => void (standing = fault),
    answerWith: (given) => void (answer = given),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function requestOf(incoming: IncomingMessage): Promise<ServiceRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const sent = Buffer.concat(chunks);
  const isPacked = incoming.headers['content-encoding'] === 'gzip';
  return {
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers: incoming.headers,
    body: (isPacked ? gunzipSync(sent) : sent).toString('utf8'),
  };
}

function write(response: ServerResponse, { status, headers = {}, body = '' }: ServiceAnswer): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function misbehave(response: ServerResponse, socket: Socket, fault: ServiceFault): void {
  if (fault === 'lost-answer') socket.destroy();
  else if (fault === 'reset') socket.resetAndDestroy();
  else if (fault === 'half-open') socket.end();
  else if (fault === 'garbage') socket.end('220 mail.example ESMTP\r\n\r\n');
  else if (fault === 'huge-header') {
    socket.write(`HTTP/1.1 200 OK\r\nX-Huge: ${'x'.repeat(HUGE_HEADER_BYTES)}\r\n\r\n`);
  } else if (fault === 'slow-body') {
    response.writeHead(200, { 'Content-Length': 1_000 });
    response.write('a part');
  } else if (fault === 'endless-body') {
    response.writeHead(200);
    const pour = (): void => {
      while (!response.destroyed && response.write(CHUNK));
    };
    response.on('drain', pour);
    pour();
  }
}
