/**
 * The yardsticks, each a bare node:http server in its own process: `read` answers when it has read
 * the body, `parse` when it has parsed it, `sync <file>` when it is on the disk, as many at once as
 * came while the disk was busy.
 */
import { closeSync, fdatasync, openSync, writev } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const [mode = 'read', file = ''] = process.argv.slice(2);
const ANSWER = '{"success":true}';
const descriptor = mode === 'sync' ? openSync(file, 'w') : -1;
let waiting: { body: Buffer; response: ServerResponse }[] = [];
let isWriting = false;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
    if (mode === 'sync') {
      waiting.push({ body, response });
      if (!isWriting) setImmediate(write);
      isWriting = true;
      return;
    }
    if (mode === 'parse') JSON.parse(body.toString());
    answer(response);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.on('exit', () => {
  if (descriptor >= 0) closeSync(descriptor);
});

function write(): void {
  const group = waiting;
  waiting = [];
  const bodies = group.map(({ body }) => body);
  writev(descriptor, bodies, (error) => {
    if (error) throw error;
    fdatasync(descriptor, (failure) => {
      if (failure) throw failure;
      for (const { response } of group) answer(response);
      isWriting = waiting.length > 0;
      if (isWriting) write();
    });
  });
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 16 });
  response.end(ANSWER);
}
