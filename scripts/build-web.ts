/**
 * Builds the dashboard (web/ into web/dist) unless it is built from what is there now.
 *
 *   node scripts/run.mjs scripts/build-web.ts
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WEB = join(ROOT, 'web');
const BUILT = join(WEB, 'dist');
const STAMP = join(BUILT, '.built-from');

/** Returns true when something had to be built. */
export async function buildWeb(): Promise<boolean> {
  const wanted = digestOfSources();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return false;
  const { build } = await import('vite');
  await build({
    root: WEB,
    base: '/app/',
    configFile: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: BUILT,
      emptyOutDir: true,
      target: 'es2022',
      // A data: URL in a style sheet would need a wider policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  writeFileSync(STAMP, wanted);
  return true;
}

function digestOfSources(): string {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  const names = readdirSync(WEB, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.startsWith(BUILT));
  for (const name of names.toSorted())
    hash.update(`${name.slice(WEB.length)}\n`).update(readFileSync(name));
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWeb();
