/**
 * A server in front of the real one that misbehaves by plan: each event request takes the next
 * fault, and after the last one everything passes.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** Overloaded; nothing was stored. */
  | '503'
  /** Over the rate limit; nothing was stored. */
  | '429'
  /** Stored, and the answer never arrives. */
  | 'lost-answer';

export interface FaultFront {
  url: string;
  /** Event requests seen. */
  requests(): number;
  /** Faults that have not happened yet. */
  left(): number;
  close(): Promise<void>;
}

export async function startFaultFront(
  target: string,
  faults: readonly Fault[],
): Promise<FaultFront> {
  const plan = [...faults];
  let requests = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const isEvents = request.method === 'POST' && !/\/m\/?$/.test(request.url ?? '');
    if (isEvents) requests++;
    const fault = isEvents ? plan.shift() : undefined;
    if (fault === '503' || fault === '429') return refuse(request, response, fault);
    const answer = await fetch(target + request.url, {
      method: request.method ?? 'GET',
      headers: forwarded(request),
      ...(chunks.length > 0 ? { body: new Uint8Array(Buffer.concat(chunks)) } : {}),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (fault === 'lost-answer') {
      request.socket.destroy();
      return;
    }
    const headers = Object.fromEntries(answer.headers);
    delete headers['content-encoding'];
    delete headers['transfer-encoding'];
    response.writeHead(answer.status, { ...headers, 'content-length': body.length });
    response.end(body);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    left: () => plan.length,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As the collector says it. */
function refuse(request: IncomingMessage, response: ServerResponse, fault: '503' | '429'): void {
  const isLetter = /\/v1\/[a-z]$/.test(request.url ?? '');
  const reset = isLetter ? 1 : Math.floor(Date.now() / 1000) + 1;
  const type = fault === '503' ? 'service_unavailable' : 'rate_limit_exceeded';
  const origin = request.headers.origin;
  response.writeHead(Number(fault), {
    'Content-Type': 'application/json',
    'Retry-After': '1',
    'X-RateLimit-Limit': '1000',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': String(reset),
    ...(origin === undefined
      ? {}
      : {
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Credentials': 'true',
          'Access-Control-Expose-Headers': 'Retry-After, X-RateLimit-Reset',
        }),
  });
  response.end(
    JSON.stringify({
      error: { type, message: 'try again', retryAfter: 1 },
      code: type,
      message: 'try again',
    }),
  );
}

function forwarded(request: IncomingMessage): Record<string, string> {
  const dropped = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect']);
  return Object.fromEntries(
    Object.entries(request.headers)
      .filter(([name]) => !dropped.has(name))
      .map(([name, value]) => [name, String(value)]),
  );
}
