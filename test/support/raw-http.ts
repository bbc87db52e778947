/** Requests that fetch does not make: any Host, any bytes. */
import { request } from 'node:http';
import { connect } from 'node:net';
import type { TestServer } from './test-server.ts';

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** POST with exactly these headers (Host included, if given). */
export function rawPost(
  server: Pick<TestServer, 'url'>,
  path: string,
  headers: Record<string, string>,
  body: string | Buffer,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      server.url + path,
      { method: 'POST', headers: { 'Content-Length': Buffer.byteLength(body), ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0, headers: received } = response;
          resolve({
            status: statusCode,
            headers: received,
            body: Buffer.concat(chunks).toString(),
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Writes bytes to the server and returns all it says until it closes, or until the time is up. */
export function rawExchange(
  server: Pick<TestServer, 'url'>,
  parts: readonly (string | Buffer)[],
  timeoutMs = 5_000,
): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    const end = (): void => {
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, timeoutMs);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', end);
    socket.on('close', () => {
      clearTimeout(timer);
      end();
    });
    for (const part of parts) socket.write(part);
  });
}
