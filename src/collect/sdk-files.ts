/**
 * Serves the browser SDK from the installed npm package, so that the standard snippet works with
 * no CDN: the loader with the write key filled in, and the chunks that it asks for.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Disk } from '../base/disk.ts';
import { readWholeFile } from '../base/whole-file.ts';
import type { HeaderList } from './answers.ts';

export interface SdkFiles {
  /** The loader for one write key. */
  answerLoader(
    request: IncomingMessage,
    response: ServerResponse,
    headers: HeaderList,
    writeKey: string,
  ): void;
  /** A chunk by file name; false when there is none of that name. */
  answerBundle(
    request: IncomingMessage,
    response: ServerResponse,
    headers: HeaderList,
    name: string,
  ): boolean;
}

interface StoredFile {
  plain: Buffer;
  gzip: Buffer;
  etag: string;
}

const KEY_PLACEHOLDER = '__WRITE_KEY__';
const WRITE_KEY = /^[A-Za-z0-9_-]{1,128}$/;
const LOADER_CACHE = 'public, max-age=300';
const BUNDLE_CACHE = 'public, max-age=31536000, immutable';

/** Reads the package's files into memory once (about 400 KB). */
export async function loadSdkFiles(disk: Disk): Promise<SdkFiles> {
  const require = createRequire(import.meta.url);
  const folder = join(dirname(require.resolve('@segment/analytics-next')), '../umd');
  const bundles = new Map<string, StoredFile>();
  let loader = '';
  for (const name of await disk.list(folder)) {
    if (!name.endsWith('.js')) continue;
    const bytes = await readWholeFile(disk, join(folder, name));
    if (name === 'standalone.js') loader = bytes.toString('utf8');
    bundles.set(name, stored(bytes));
  }
  return {
    answerLoader(request, response, headers, writeKey) {
      // The key is put into script text, so only plain key characters may pass.
      const key = WRITE_KEY.test(writeKey) ? writeKey : '';
      const file = stored(Buffer.from(loader.replace(KEY_PLACEHOLDER, key)));
      answerFile(request, response, headers, file, LOADER_CACHE);
    },
    answerBundle(request, response, headers, name) {
      const file = bundles.get(name.endsWith('.gz') ? name.slice(0, -3) : name);
      if (!file) return false;
      answerFile(request, response, headers, file, BUNDLE_CACHE);
      return true;
    },
  };
}

function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  headers: HeaderList,
  file: StoredFile,
  cache: string,
): void {
  headers.push('Cache-Control', cache, 'ETag', file.etag, 'Vary', 'Accept-Encoding');
  headers.push('Cross-Origin-Resource-Policy', 'cross-origin');
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  const isGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const bytes = isGzip ? file.gzip : file.plain;
  if (isGzip) headers.push('Content-Encoding', 'gzip');
  headers.push('Content-Type', 'text/javascript; charset=utf-8');
  headers.push('Content-Length', String(bytes.length));
  response.writeHead(200, headers);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function stored(plain: Buffer): StoredFile {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { plain, gzip: gzipSync(plain, { level: 6 }), etag };
}
