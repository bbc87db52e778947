/** Documents may not promise what is not there, nor keep silent about what operators meet. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { DELIVERY_REASONS } from '../../src/destinations/delivery-reasons.ts';
import { ERROR_CODES } from '../../src/base/errors.ts';
import { METRICS } from '../../src/observe/metrics.ts';
import { ROOT, repoFiles, textOf } from './repo-files.ts';

const files = repoFiles();
const documents = files.filter((path) => path.endsWith('.md'));
/** What a repository of this size owes its readers. */
const REQUIRED = [
  'README.md',
  'ARCHITECTURE.md',
  'PROMISES.md',
  'GLOSSARY.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'LICENSE',
  'docs/configuration.md',
  'docs/errors.md',
  'docs/operations.md',
];

test('the documents that every reader looks for exist', () => {
  assert.deepEqual(
    REQUIRED.filter((path) => !files.includes(path)),
    [],
  );
});

test('every link inside the repository leads to a file, and to a heading that it has', () => {
  const broken = documents.flatMap((path) =>
    linksOf(path)
      .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
      .filter((target) => !leadsSomewhere(path, target))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(broken, []);
});

function linksOf(path: string): string[] {
  const text = withoutCode(textOf(path));
  const inline = [...text.matchAll(/\]\(\s*<?([^)>\s]+)>?(?:\s+"[^"]*")?\s*\)/g)];
  const references = [...text.matchAll(/^\s*\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)/gm)];
  const html = [...text.matchAll(/\b(?:href|src)="([^"]+)"/g)];
  return [...inline, ...references, ...html].map(([, target]) => target ?? '');
}

function leadsSomewhere(from: string, target: string): boolean {
  const [path = '', anchor] = target.split('#', 2);
  const to = path === '' ? from : posix.normalize(posix.join(posix.dirname(from), decodeURI(path)));
  if (!existsSync(join(ROOT, to))) return false;
  return anchor === undefined || !to.endsWith('.md') || headingsOf(to).has(anchor);
}

/** Anchors as the usual renderers make them: lower case, punctuation gone, spaces to dashes. */
function headingsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  const counts = new Map<string, number>();
  const text = textOf(path).replace(/^(```|~~~)[^]*?^\1/gm, '');
  for (const [, title = ''] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const count = counts.get(slug) ?? 0;
    counts.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  for (const [, id = ''] of text.matchAll(/\b(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

function withoutCode(text: string): string {
  return text.replace(/^(```|~~~)[^]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');
}

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  const wrong = documents.flatMap((path) =>
    [...textOf(path).matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)]
      .map(([, run, short]) => run ?? short ?? '')
      .filter((name) => !(name in scripts))
      .map((name) => `${path}: npm run ${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('every file that a document or a script of package.json names exists', () => {
  const named = /(?<![\w./@-])((?:src|test|scripts|bench|docs|bin|\.ci)\/[\w./-]*\w)/g;
  const wrong = [...documents, 'package.json'].flatMap((path) =>
    [...textOf(path).matchAll(named)]
      .map(([, name]) => name ?? '')
      .filter((name) => !existsSync(join(ROOT, name)))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual(wrong, []);
});

test('what the tour says a file does is a function of that file', () => {
  const stops = [...textOf('docs/tour.md').matchAll(/`(\w+)` in\s+`(src\/[\w./-]+\.ts)`/g)];
  assert.ok(stops.length > 20, `${stops.length} stops`);
  const wrong = stops
    .filter(([, name, path]) => {
      return !new RegExp(`function ${name}\\b`).test(textOf(path ?? ''));
    })
    .map(([, name, path]) => `${name} in ${path}`);
  assert.deepEqual(wrong, []);
});

test('every document that the code names exists', () => {
  const wrong = files
    .filter((path) => /^(src|scripts|bench|test)\/.*\.(ts|mjs|sql)$/.test(path))
    .filter((path) => !path.startsWith('test/tidy/'))
    .flatMap((path) =>
      [...textOf(path).matchAll(/(?<![\w/-])([\w-]+(?:\/[\w-]+)*\.md)\b/g)]
        .map(([, name]) => name ?? '')
        .filter((name) => !files.includes(name))
        .map((name) => `${path}: ${name}`),
    );
  assert.deepEqual(wrong, []);
});

test('docs/errors.md explains every error code', () => {
  const text = required('docs/errors.md');
  const missing = Object.keys(ERROR_CODES).filter((code) => !text.includes(`\`${code}\``));
  assert.deepEqual(missing, [], 'not named as `CODE` in docs/errors.md');
});

test('docs/delivery-reasons.md explains every reason', () => {
  const text = required('docs/delivery-reasons.md');
  const missing = Object.keys(DELIVERY_REASONS).filter((code) => !text.includes(`\`${code}\``));
  assert.deepEqual(missing, [], 'not named as `CODE` in docs/delivery-reasons.md');
});

test('docs/operations.md lists every metric, and none that does not exist', () => {
  const text = required('docs/operations.md');
  const named = new Set([...text.matchAll(/\bmillrace_[a-z_]+\b/g)].map(([name]) => name));
  const real = Object.keys(METRICS);
  assert.deepEqual(
    real.filter((name) => !named.has(name)),
    [],
    'metrics that docs/operations.md does not name',
  );
  const withParts = new Set(
    real.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
  );
  assert.deepEqual(
    [...named].filter((name) => !withParts.has(name)),
    [],
    'names in docs/operations.md that are no metric',
  );
});

function required(path: string): string {
  assert.ok(files.includes(path), `${path} does not exist yet: write it`);
  return textOf(path);
}
