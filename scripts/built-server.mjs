/**
 * Where the built server of this checkout is. Plain JavaScript without dependencies, because the
 * launcher asks before there are any. `build-server.ts` makes it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** One folder per state of the source, so that a server that runs keeps its files. */
export const BUILDS = join(ROOT, 'dist');
/** What decides what is built, besides all of src/. */
const MADE_BY = ['package-lock.json', 'scripts/build-server.ts'];

/**
 * The file to start for the source as it is now, and whether it is there already.
 * @returns {{ folder: string, main: string, isBuilt: boolean }}
 */
export function builtServer() {
  const folder = join(BUILDS, digestOfSource());
  const main = join(folder, 'main.js');
  return { folder, main, isBuilt: existsSync(main) };
}

/** Of names, sizes and times: contents would cost every command a tenth of a second. */
function digestOfSource() {
  const hash = createHash('sha256');
  for (const file of [...MADE_BY, ...filesOf('src')]) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** @param {string} folder relative to the checkout, as the answer is */
function filesOf(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length))
    .sort();
}
