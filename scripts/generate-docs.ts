/**
 * Writes the documents that are made from code: docs/configuration.md from the schema,
 * docs/public-api.md from the table of operations, docs/compatibility.md from what the last runs of
 * `npm run compat` found. With `--check` writes nothing and exits 1 when one is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { operationsPage } from '../src/admin/public-api/operations-page.ts';
import { configurationPage } from '../src/config/configuration-page.ts';
import { compatibilityPage } from '../test/support/compat/compatibility-page.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES: [path: string, make: () => string][] = [
  ['docs/configuration.md', configurationPage],
  ['docs/public-api.md', operationsPage],
  ['docs/compatibility.md', compatibilityPage],
];

function current(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // Absent is as stale as different.
  }
}

const isCheck = process.argv.includes('--check');
for (const [name, make] of PAGES) {
  const path = join(ROOT, name);
  const made = make();
  if (current(path) === made) continue;
  if (isCheck) {
    process.stderr.write(`${name} is stale: run npm run docs\n`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, made);
    process.stdout.write(`${name} written\n`);
  }
}
