/**
 * Serves the built dashboard under `/app`: files with a hash in their name for ever, and the page
 * itself for every other path, because its views have addresses of their own. Open to everybody,
 * as it holds no data.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { Disk } from '../base/disk.ts';
import { readWholeFile } from '../base/whole-file.ts';

/** Where scripts/build-web.ts puts it. */
const BUILT_FOLDER = fileURLToPath(new URL('../../web/dist', import.meta.url));
const PAGE = 'index.html';
const ASSETS = 'assets';
/** Only our own files and answers; no inline script or style, no frame around us. */
export const DASHBOARD_POLICY = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self'`,
  `img-src 'self' data:`,
  `font-src 'self'`,
  `connect-src 'self'`,
  `base-uri 'none'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
].join('; ');
const FOR_EVER = 'private, max-age=31536000, immutable';
const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
const NOT_BUILT =
  '<!doctype html><title>Millrace</title><p>The dashboard is not built: run <code>npm start</code>.';

interface BuiltFile {
  plain: Buffer;
  gzip: Buffer;
  etag: string;
  type: string;
}

export async function loadDashboard(disk: Disk): Promise<Hono> {
  const files = new Map<string, BuiltFile>();
  for (const folder of ['', ASSETS]) {
    for (const name of await disk.list(join(BUILT_FOLDER, folder))) {
      const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
      if (type === undefined) continue;
      const bytes = await readWholeFile(disk, join(BUILT_FOLDER, folder, name));
      files.set(folder === '' ? name : `${folder}/${name}`, builtFile(bytes, type));
    }
  }
  const routes = new Hono();
  routes.get('/', async (c, next) => {
    // Scripts mean the workspace of the Public API, which has the same address.
    const isPerson = (c.req.header('accept') ?? '*/*').includes('text/html');
    const hasToken = c.req.header('authorization') !== undefined;
    return isPerson || !hasToken ? c.redirect('/app/') : next();
  });
  routes.get('/app', (c) => c.redirect('/app/'));
  routes.get('/app/*', (c) => {
    c.header('Content-Security-Policy', DASHBOARD_POLICY);
    const path = c.req.path.slice('/app/'.length);
    const file = files.get(path);
    if (file && path !== PAGE) return answer(c, file, FOR_EVER);
    if (path.startsWith(`${ASSETS}/`)) return c.notFound();
    const page = files.get(PAGE);
    return page ? answer(c, page, 'no-cache') : c.html(NOT_BUILT, 503);
  });
  return routes;
}

function builtFile(plain: Buffer, type: string): BuiltFile {
  const digest = createHash('sha256').update(plain).digest('base64url').slice(0, 27);
  return { plain, gzip: gzipSync(plain), etag: `"${digest}"`, type };
}

function answer(c: Context, file: BuiltFile, cache: string): Response {
  c.header('Cache-Control', cache);
  c.header('ETag', file.etag);
  c.header('Vary', 'Accept-Encoding');
  if (c.req.header('if-none-match') === file.etag) return c.body(null, 304);
  const isGzip = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (isGzip) c.header('Content-Encoding', 'gzip');
  const bytes = isGzip ? file.gzip : file.plain;
  return c.body(new Uint8Array(bytes), 200, { 'Content-Type': file.type });
}
