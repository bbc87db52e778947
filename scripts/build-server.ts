/**
 * Builds the server (src/ into dist/<digest>/) unless it is built from what is there now. Node
 * reads TypeScript as it is, but finding and reading 600 small files takes most of a start: built,
 * they are a few large ones. Every package but zod stays outside, where its own files are.
 *
 *   node scripts/run.mjs scripts/build-server.ts
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin, PluginContext } from 'rolldown';
import { BUILDS, builtServer } from './built-server.mjs';
import { runBuild } from './run-build.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A server that runs goes on reading its own; older ones than these are gone. */
const BUILDS_KEPT = 8;
/** A package of 80 small files that every start reads. */
const INSIDE = /^zod(?:\/|$)/;
/** How code names a file beside it: a thread to start, or what it reads. */
const FILE_BESIDE = /new URL\(\s*'([^']+)',\s*import\.meta\.url,?\s*\)/g;
const ANY_FILE_BESIDE = /new URL\([^)]*import\.meta\.url/g;

/** Returns the file to start. */
export async function buildServer(): Promise<string> {
  const { folder, main, isBuilt } = builtServer();
  if (isBuilt) return main;
  const making = join(BUILDS, `making-${process.pid}`);
  // First, so that a folder that cannot be written costs nothing and is named.
  mkdirSync(making, { recursive: true });
  try {
    const { rolldown } = await import('rolldown');
    const bundle = await rolldown({
      input: { main: join(ROOT, 'src/cli/main.ts') },
      platform: 'node',
      external: (name) => !name.startsWith('.') && !isAbsolute(name) && !INSIDE.test(name),
      plugins: [filesBeside()],
      logLevel: 'silent',
    });
    await bundle.write({ dir: making, format: 'esm', entryFileNames: '[name].js' });
    takePlace(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  removeOldBuilds();
  return main;
}

/** All that is built lies in one folder: what code names beside itself is put there too. */
function filesBeside(): Plugin {
  return {
    name: 'files-beside',
    async transform(code, id) {
      if (!id.startsWith(join(ROOT, 'src')) || !code.includes('import.meta.url')) return null;
      const named = [...code.matchAll(FILE_BESIDE)].map(([, name]) => name ?? '');
      if (named.length !== [...code.matchAll(ANY_FILE_BESIDE)].length) {
        throw new Error(`${id}: name the file in new URL('…', import.meta.url) as one text`);
      }
      for (const name of named) await addFile(this, join(dirname(id), name));
      return code.replaceAll(FILE_BESIDE, (whole, name: string) =>
        isBuiltElsewhere(name) ? whole : `new URL('./${nameWhenBuilt(name)}', import.meta.url)`,
      );
    },
  };
}

async function addFile(context: PluginContext, path: string): Promise<void> {
  if (!path.startsWith(join(ROOT, 'src'))) return;
  const fileName = nameWhenBuilt(path);
  if (extname(path) === '.ts') {
    context.emitFile({ type: 'chunk', id: path, name: fileName.slice(0, -'.js'.length), fileName });
    return;
  }
  const files = statSync(path).isDirectory()
    ? readdirSync(path).map((name) => `${fileName}/${name}`)
    : [fileName];
  for (const file of files) {
    const source = await readFile(join(dirname(path), file));
    context.emitFile({ type: 'asset', fileName: file, source });
  }
}

/** The dashboard is as far from dist/<digest>/ as from src/<layer>/. */
function isBuiltElsewhere(name: string): boolean {
  return name.startsWith('../../');
}

function nameWhenBuilt(path: string): string {
  return basename(path).replace(/\.ts$/, '.js');
}

function takePlace(making: string, folder: string): void {
  try {
    renameSync(making, folder);
  } catch (error) {
    // Another process that builds the same was faster.
    if (!existsSync(join(folder, 'main.js'))) throw error;
  }
}

function removeOldBuilds(): void {
  const builds = readdirSync(BUILDS)
    .filter((name) => !name.startsWith('making-'))
    .map((name) => join(BUILDS, name))
    // Another process may be removing them too.
    .map((path) => ({ path, builtMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .toSorted((a, b) => b.builtMs - a.builtMs);
  for (const { path } of builds.slice(BUILDS_KEPT)) rmSync(path, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runBuild(buildServer);
