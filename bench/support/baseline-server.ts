/** The yardstick: a bare node:http server that reads the body and answers, in its own process. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const isParsing = process.argv[2] === 'parse';
const ANSWER = '{"success":true}';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    if (isParsing) JSON.parse((body ?? Buffer.alloc(0)).toString());
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 16 });
    response.end(ANSWER);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
