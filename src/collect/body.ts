/**
 * Reads a request body within a byte limit that holds for the decompressed bytes, while they are
 * decompressed: a bomb is cut at the limit, not after it (100 MiB of zeros gzip to 100 KB).
 */
import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import {
  constants as zlib,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';

export type BodyFailure =
  /** More than the limit, announced or real. */
  | 'too_large'
  /** The bytes are not what Content-Encoding says, or end too early. */
  | 'bad_encoding'
  /** A Content-Encoding that we do not decode. */
  | 'unsupported_encoding';

export type BodyResult =
  { ok: true; bytes: Buffer } | { ok: false; failure: BodyFailure; sample: Buffer };

const EMPTY = Buffer.alloc(0);
const CHUNK_BYTES = 65_536;

/**
 * Calls back once with the decoded body, or with the reason why there is none. Never calls back
 * when the client goes away before the end: there is nobody to answer and nothing was received.
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  callback: (result: BodyResult) => void,
): void {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity' || encoding === '') {
    readPlain(request, bytesMax, callback);
    return;
  }
  const decoder = decoderFor(encoding.trim().toLowerCase());
  if (!decoder) {
    request.resume();
    callback({ ok: false, failure: 'unsupported_encoding', sample: EMPTY });
    return;
  }
  readDecoded(request, decoder, bytesMax, callback);
}

function readPlain(
  request: IncomingMessage,
  bytesMax: number,
  callback: (result: BodyResult) => void,
): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let size = 0;
  let isDone = false;
  request.on('data', (chunk: Buffer) => {
    if (isDone) return;
    size += chunk.length;
    if (first === undefined) first = chunk;
    else (rest ??= [first]).push(chunk);
    if (size > bytesMax) {
      isDone = true;
      const sample = rest ? Buffer.concat(rest) : chunk;
      callback({ ok: false, failure: 'too_large', sample });
    }
  });
  request.on('end', () => {
    if (isDone) return;
    isDone = true;
    callback({ ok: true, bytes: rest ? Buffer.concat(rest, size) : (first ?? EMPTY) });
  });
}

function readDecoded(
  request: IncomingMessage,
  decoder: Transform,
  bytesMax: number,
  callback: (result: BodyResult) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let isDone = false;
  const finish = (result: BodyResult) => {
    if (isDone) return;
    isDone = true;
    request.unpipe(decoder);
    request.resume();
    decoder.destroy();
    callback(result);
  };
  decoder.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > bytesMax) {
      finish({ ok: false, failure: 'too_large', sample: Buffer.concat(chunks) });
    }
  });
  decoder.on('end', () => finish({ ok: true, bytes: Buffer.concat(chunks, size) }));
  decoder.on('error', () => {
    finish({ ok: false, failure: 'bad_encoding', sample: Buffer.concat(chunks) });
  });
  // A client that hangs up leaves the decoder waiting for bytes that never come.
  request.on('close', () => {
    if (!request.complete) {
      isDone = true;
      decoder.destroy();
    }
  });
  request.pipe(decoder);
}

function decoderFor(encoding: string): Transform | undefined {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip({ chunkSize: CHUNK_BYTES });
    case 'deflate':
      return createInflate({ chunkSize: CHUNK_BYTES });
    case 'br':
      return createBrotliDecompress({ chunkSize: CHUNK_BYTES });
    case 'zstd':
      return createZstdDecompress({
        chunkSize: CHUNK_BYTES,
        // Bounds the window a hostile frame may ask us to allocate to 8 MiB.
        params: { [zlib.ZSTD_d_windowLogMax]: 23 },
      });
    default:
      return undefined;
  }
}
