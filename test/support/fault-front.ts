/**
 * A server in front of the real one that misbehaves by plan: each event request takes the next
 * fault, and after the last one everything passes. It keeps what was sent, byte for byte, and what
 * the real server said to it.
 */
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ROOT } from './test-server.ts';

export type Fault =
  /** Overloaded; nothing was stored. */
  | '503'
  /** Over the rate limit; nothing was stored. */
  | '429'
  /** A server that failed without a word; nothing was stored. */
  | '500'
  /** Stored, and the answer never arrives. */
  | 'lost-answer';

const HOP_BY_HOP = ['connection', 'transfer-encoding', 'expect', 'keep-alive'];

/** An event request as it came, uncompressed, and what the real server said to it. */
export interface RecordedRequest {
  path: string;
  body: string;
  /** Undefined when the real server was not asked, or had not answered. */
  answer: { status: number; body: string } | undefined;
}

export interface FaultFront {
  url: string;
  /** Event requests seen. */
  requests(): number;
  recorded: readonly RecordedRequest[];
  /** Faults that have not happened yet. */
  left(): number;
  /** A new plan. */
  plan(faults: readonly Fault[]): void;
  /** As the real server goes, so does this: connections are cut, and new ones refused. */
  away(): void;
  /** There again, for the real server that was started anew on another port. */
  back(url: string): Promise<void>;
  close(): Promise<void>;
}

export interface FaultFrontOptions {
  /** Answers to GET requests of these paths that the real server never sees. */
  stubs?: Readonly<Record<string, unknown>>;
  /** With the certificate of `localhost` among the fixtures, for SDKs that speak nothing else. */
  isHttps?: boolean;
}

export async function startFaultFront(
  firstTarget: string,
  faults: readonly Fault[],
  { stubs = {}, isHttps = false }: FaultFrontOptions = {},
): Promise<FaultFront> {
  const plan = [...faults];
  const recorded: RecordedRequest[] = [];
  let target = firstTarget;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const stub = request.method === 'GET' ? stubs[path.split('?', 1)[0] ?? ''] : undefined;
    if (stub !== undefined) return answerStub(request, response, stub);
    const isEvents = request.method === 'POST' && !/\/m\/?$/.test(path);
    const body = Buffer.concat(chunks);
    const record: RecordedRequest = { path, body: uncompressed(request, body), answer: undefined };
    if (isEvents) recorded.push(record);
    const fault = isEvents ? plan.shift() : undefined;
    if (fault === '503' || fault === '429') return refuse(request, response, fault);
    if (fault === '500') return fail(request, response);
    const answer = await forward(target, request, body, isHttps);
    record.answer = { status: answer.status, body: answer.body.toString() };
    if (fault === 'lost-answer') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => request.socket.destroy());
  };
  const server = isHttps
    ? createTlsServer(await localhostCertificate(), listener)
    : createServer(listener);
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: isHttps ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests: () => recorded.length,
    recorded,
    left: () => plan.length,
    plan: (next) => void plan.splice(0, plan.length, ...next),
    away() {
      server.close();
      server.closeAllConnections();
    },
    async back(url) {
      target = url;
      await listen(server, port);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function localhostCertificate(): Promise<{ cert: Buffer; key: Buffer }> {
  const folder = join(ROOT, 'test/fixtures/tls');
  return {
    cert: await readFile(join(folder, 'localhost-cert.pem')),
    key: await readFile(join(folder, 'localhost-key.pem')),
  };
}

/** What was sent, before the client compressed it; all that compress here use gzip. */
function uncompressed(request: IncomingMessage, body: Buffer): string {
  const isGzip = request.headers['content-encoding'] === 'gzip';
  return (isGzip ? gunzipSync(body) : body).toString();
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
}

function answerStub(request: IncomingMessage, response: ServerResponse, stub: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json', ...corsOf(request) });
  response.end(JSON.stringify(stub));
}

/** As a proxy says it whose server has died: no JSON, no hint. */
function fail(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(500, { 'Content-Type': 'text/html', ...corsOf(request) });
  response.end('<html>Internal Server Error</html>');
}

function corsOf(request: IncomingMessage): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined) return {};
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'Retry-After, X-RateLimit-Reset',
  };
}

/** As the collector says it. */
function refuse(request: IncomingMessage, response: ServerResponse, fault: '503' | '429'): void {
  const isLetter = /\/v1\/[a-z]$/.test(request.url ?? '');
  const reset = isLetter ? 1 : Math.floor(Date.now() / 1000) + 1;
  const type = fault === '503' ? 'service_unavailable' : 'rate_limit_exceeded';
  response.writeHead(Number(fault), {
    'Content-Type': 'application/json',
    'Retry-After': '1',
    'X-RateLimit-Limit': '1000',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(reset),
    ...corsOf(request),
  });
  response.end(
    JSON.stringify({
      error: { type, message: 'try again', retryAfter: 1 },
      code: type,
      message: 'try again',
    }),
  );
}

/** As a proxy in front of a server should: the host is the one that the client asked. */
async function forward(
  target: string,
  request: IncomingMessage,
  body: Buffer,
  isHttps: boolean,
): Promise<{ status: number; headers: OutgoingHttpHeaders; body: Buffer }> {
  const headers: OutgoingHttpHeaders = { ...request.headers, 'content-length': body.length };
  for (const name of HOP_BY_HOP) delete headers[name];
  if (isHttps) headers['x-forwarded-proto'] = 'https';
  const { hostname, port } = new URL(target);
  const path = request.url ?? '/';
  const outgoing = ask({ hostname, port, path, method: request.method, headers, agent: false });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const answered = Buffer.concat(chunks);
  const kept: OutgoingHttpHeaders = { ...answer.headers, 'content-length': answered.length };
  for (const name of HOP_BY_HOP) delete kept[name];
  return { status: answer.statusCode ?? 502, headers: kept, body: answered };
}
