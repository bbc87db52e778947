/**
 * S3 for tests: s3rver keeps the objects, and what stands before it checks each signature (AWS
 * Signature Version 4, from its specification; s3rver leaves that out) and misbehaves on demand.
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer, request as sendRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

export const S3_KEY_ID = 'S3RVER';
export const S3_SECRET = 'a-s3cret/key+of=mine';
export const S3_BUCKET = 'lake.bucket';

export type S3Fault = { status: number; code: string } | 'hang' | 'lost-answer';

export interface S3Request {
  method: string;
  /** Decoded, without the bucket. */
  key: string;
  headers: IncomingMessage['headers'];
}

export interface S3Server {
  url: string;
  /** Requests that came in whole, in order. */
  requests: S3Request[];
  /** Asked before each request; what it returns happens instead. */
  faultOf: (request: S3Request) => S3Fault | null;
  /** Content by key. */
  objects(): Promise<Map<string, Buffer>>;
  close(): Promise<void>;
}

interface Backend {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}

const OBJECT_SUFFIX = '._S3rver_object';

export async function startS3Server(): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-s3-'));
  const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => Backend;
  const backend = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    vhostBuckets: false,
    configureBuckets: [{ name: S3_BUCKET, configs: [] }],
  });
  const { port: backendPort } = await backend.run();
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { method = '', headers, url = '' } = incoming;
    const key = decodeURIComponent(url.slice(1).split('/').slice(1).join('/'));
    const request = { method, key, headers };
    server.requests.push(request);
    const fault = server.faultOf(request);
    if (fault === 'hang') return;
    if (typeof fault === 'object' && fault !== null) return refuse(response, fault);
    const wrong = signatureProblem(incoming, body);
    if (wrong) return refuse(response, { status: 403, code: wrong });
    const answer = await forward(backendPort, incoming, body);
    if (fault === 'lost-answer') return void incoming.socket.destroy();
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const front = createServer((incoming, response) => {
    handle(incoming, response).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  const server: S3Server = {
    url: `http://127.0.0.1:${port}`,
    requests: [],
    faultOf: () => null,
    objects: () => storedObjects(join(directory, S3_BUCKET)),
    async close() {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
      await backend.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return server;
}

async function storedObjects(folder: string): Promise<Map<string, Buffer>> {
  const objects = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(OBJECT_SUFFIX)) continue;
    const path = join(entry.parentPath, entry.name);
    const key = relative(folder, path).slice(0, -OBJECT_SUFFIX.length);
    objects.set(key, await readFile(path));
  }
  return objects;
}

interface BackendAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

function forward(port: number, incoming: IncomingMessage, body: Buffer): Promise<BackendAnswer> {
  return new Promise((resolve, reject) => {
    const { method, url: path, headers } = incoming;
    const host = '127.0.0.1';
    const request = sendRequest({ host, port, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const { statusCode = 500 } = answer;
        resolve({ status: statusCode, headers: answer.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on('error', reject).end(body);
  });
}

function refuse(response: ServerResponse, { status, code }: { status: number; code: string }) {
  const body =
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code>` +
    `<Message>It says ${code}.</Message><RequestId>1</RequestId></Error>`;
  response.writeHead(status, { 'Content-Type': 'application/xml' }).end(body);
}

/** The code that S3 would answer, or null when everything is signed as it should be. */
function signatureProblem(incoming: IncomingMessage, body: Buffer): string | null {
  const { headers } = incoming;
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (!parts) return 'AccessDenied';
  const [, keyId, day = '', region = '', signed = '', signature] = parts;
  if (keyId !== S3_KEY_ID) return 'InvalidAccessKeyId';
  const names = signed.split(';');
  const time = String(headers['x-amz-date']);
  const hash = String(headers['x-amz-content-sha256']);
  const isWhole = ['host', 'x-amz-date', 'x-amz-content-sha256'].every((name) =>
    names.includes(name),
  );
  if (!isWhole || !time.startsWith(day)) return 'AccessDenied';
  if (hash !== sha256(body)) return 'XAmzContentSHA256Mismatch';
  const [path = '', query = ''] = (incoming.url ?? '').split('?');
  const canonical = [
    incoming.method,
    path.split('/').map(rewritten).join('/'),
    query,
    ...names.map((name) => `${name}:${String(headers[name]).trim()}`),
    '',
    signed,
    hash,
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(Buffer.from(canonical))].join('\n');
  const keyOf = (key: Buffer | string, part: string) =>
    createHmac('sha256', key).update(part).digest();
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(
    keyOf,
    `AWS4${S3_SECRET}`,
  );
  return keyOf(key, text).toString('hex') === signature ? null : 'SignatureDoesNotMatch';
}

/** S3 reads the path, and writes it again in the only way that counts. */
function rewritten(part: string): string {
  return [...Buffer.from(decodeURIComponent(part))]
    .map((byte) => String.fromCharCode(byte))
    .map((character) =>
      /[A-Za-z0-9._~-]/.test(character)
        ? character
        : `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
