/**
 * What 50 dashboards cost a machine whoever serves them: a bare program that streams as many bytes
 * as the live view does, in a process of its own: `node bare-stream.ts`. Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As measured of the live view with 50 readers: 40 KB a second each, five times a second. */
const TEXT = `data: ${'x'.repeat(8_180)}\n\n`;
const FLUSH_MS = 200;

const server = createServer((request, response) => {
  if (request.url !== '/tail') {
    response.end('{}');
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const timer = setInterval(() => response.write(TEXT), FLUSH_MS);
  response.on('close', () => clearInterval(timer));
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
