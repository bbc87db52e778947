/** HTTPS in front of a test server, for SDKs that speak nothing else. */
import { readFile } from 'node:fs/promises';
import { request as ask } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT } from './test-server.ts';

const FOLDER = join(ROOT, 'test/fixtures/tls');
/** Of localhost; programs have to be told to trust it. */
export const LOCALHOST_CERTIFICATE = join(FOLDER, 'localhost-cert.pem');

export interface TlsFront {
  url: string;
  /** Paths that were asked for. */
  paths: string[];
  /** True: SDKs cannot fetch their settings. */
  refuseSettings: boolean;
  close(): Promise<void>;
}

export async function startTlsFront(target: string): Promise<TlsFront> {
  const cert = await readFile(LOCALHOST_CERTIFICATE);
  const key = await readFile(join(FOLDER, 'localhost-key.pem'));
  const server = createServer({ cert, key }, (request, response) => {
    front.paths.push(request.url ?? '');
    if (front.refuseSettings && request.method === 'GET') return void response.writeHead(503).end();
    const { method, headers } = request;
    const passed = ask(target + request.url, {
      method,
      headers: { ...headers, 'x-forwarded-proto': 'https' },
    });
    passed.on('error', () => request.socket.destroy());
    passed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const front: TlsFront = {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    paths: [],
    refuseSettings: false,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return front;
}
