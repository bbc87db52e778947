/**
 * Builds the dashboard (web/ into web/dist) unless it is built from what is there now. The new one
 * takes the place of the old one at once, so that a server that starts meanwhile finds a whole one.
 *
 *   node scripts/run.mjs scripts/build-web.ts
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBuild } from './run-build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WEB = join(ROOT, 'web');
const BUILT = join(WEB, 'dist');
const STAMP = '.built-from';
const CACHE = join(ROOT, 'node_modules/.cache');

/** Returns true when something had to be built. */
export async function buildWeb(): Promise<boolean> {
  const wanted = digestOfSources();
  if (isBuiltFrom(wanted)) return false;
  const making = join(CACHE, `web-${process.pid}`);
  // First, so that a folder that cannot be written costs nothing and is named.
  mkdirSync(making, { recursive: true });
  const { build } = await import('vite');
  await build({
    root: WEB,
    base: '/app/',
    configFile: false,
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: making,
      emptyOutDir: true,
      target: 'es2022',
      // A data: URL in a style sheet would need a wider policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  writeFileSync(join(making, STAMP), wanted);
  takePlace(making);
  return true;
}

function isBuiltFrom(wanted: string): boolean {
  const stamp = join(BUILT, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

function takePlace(making: string): void {
  const old = `${making}-old`;
  try {
    if (existsSync(BUILT)) renameSync(BUILT, old);
    renameSync(making, BUILT);
  } catch (error) {
    // Another process that builds the same was faster.
    if (!existsSync(join(BUILT, STAMP))) throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
    rmSync(making, { recursive: true, force: true });
  }
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await runBuild(buildWeb);
