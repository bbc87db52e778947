/**
 * A proxy through which a program reaches nothing. With the environment that it gives, programs go
 * straight to this machine and ask the proxy for all else, which notes the host and refuses.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RefusingProxy {
  /** Hosts that were asked for. */
  asked: Set<string>;
  /** For Node, Python, Go and Java. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function startRefusingProxy(): Promise<RefusingProxy> {
  const asked = new Set<string>();
  const server = createServer((request, response) => {
    asked.add(new URL(request.url ?? '', 'http://unknown').hostname);
    response.writeHead(403).end();
  });
  server.on('connect', (request, socket) => {
    asked.add((request.url ?? '').replace(/:\d+$/, ''));
    socket.on('error', () => undefined); // Whoever asked has been ended.
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const exempt = 'localhost,127.0.0.1';
  const java = ['http', 'https'].flatMap((scheme) => [
    `-D${scheme}.proxyHost=127.0.0.1`,
    `-D${scheme}.proxyPort=${port}`,
  ]);
  return {
    asked,
    env: {
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      http_proxy: url,
      https_proxy: url,
      NO_PROXY: exempt,
      no_proxy: exempt,
      NODE_USE_ENV_PROXY: '1',
      JAVA_TOOL_OPTIONS: java.join(' '),
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
