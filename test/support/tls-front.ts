/** HTTPS in front of a test server, for SDKs that speak nothing else. */
import { createServer } from 'node:https';
import { readFile } from 'node:fs/promises';
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
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { 'content-type': type, 'content-encoding': encoding } = request.headers;
      fetch(target + request.url, {
        method: request.method ?? 'GET',
        headers: {
          'X-Forwarded-Proto': 'https',
          ...(type === undefined ? {} : { 'Content-Type': type }),
          ...(encoding === undefined ? {} : { 'Content-Encoding': encoding }),
        },
        ...(chunks.length > 0 ? { body: new Uint8Array(Buffer.concat(chunks)) } : {}),
      }).then(
        async (answer) => response.writeHead(answer.status).end(await answer.text()),
        () => request.socket.destroy(),
      );
    });
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
