/**
 * A TCP proxy that can cut a connection at the worst moment: after the server has answered a
 * request that holds a given text, and before the client sees anything of the answer. It can also
 * be no service at all: hang up, say nothing, or always say the same.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

export type ProxyMode = 'pass' | 'hang-up' | 'silence' | { answer: string };

export interface CuttingProxy {
  port: number;
  /** For connections from now on; those that are open are cut. */
  setMode(mode: ProxyMode): void;
  /** Connections since the mode was set. */
  connections(): number;
  /** The next request with this text gets no answer. */
  cutAnswerTo(text: string): void;
  /** How often that has happened. */
  cuts(): number;
  close(): Promise<void>;
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  let wanted: string | null = null;
  let cuts = 0;
  let mode: ProxyMode = 'pass';
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    connections++;
    if (mode !== 'pass') {
      sockets.add(client);
      client.on('error', () => undefined);
      client.on('close', () => sockets.delete(client));
      if (mode === 'hang-up') client.destroy();
      else if (mode === 'silence') client.resume();
      else {
        const { answer } = mode;
        client.once('data', () => client.end(answer));
      }
      return;
    }
    const upstream = connect(targetPort, '127.0.0.1');
    let isCutting = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => {
      if (wanted !== null && chunk.includes(wanted)) {
        isCutting = true;
        wanted = null;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isCutting) return void client.write(chunk);
      cuts++;
      client.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    setMode(next) {
      mode = next;
      connections = 0;
      for (const socket of sockets) socket.destroy();
    },
    connections: () => connections,
    cutAnswerTo: (text) => void (wanted = text),
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
