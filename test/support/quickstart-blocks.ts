/** The programs of docs/quickstart.md, as a reader would copy them. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './test-server.ts';

const text = await readFile(join(ROOT, 'docs/quickstart.md'), 'utf8');

export interface QuickstartBlock {
  heading: string;
  code: string;
  /** All that is below the heading. */
  section: string;
}

export function quickstartBlocks(): QuickstartBlock[] {
  return text.split(/^## /m).flatMap((section) => {
    const [heading = ''] = section.split('\n', 1);
    return [...section.matchAll(/^```\w+\n([^]*?)^```$/gm)].map(([, code = '']) => {
      return { heading, code, section };
    });
  });
}

/** The block below a heading of the document that has some text in it. */
export function quickstartBlock(heading: string, needle: string): string {
  const found = quickstartBlocks().filter((block) => {
    return block.heading === heading && block.code.includes(needle);
  });
  assert.equal(found.length, 1, `one block of ${heading} has ${needle}`);
  return found[0]?.code ?? '';
}

/** With the reader's own key and host in place of the placeholders. */
export function filledIn(code: string, writeKey: string, url: string): string {
  return code
    .replaceAll('YOUR_WRITE_KEY', writeKey)
    .replaceAll('HOST_NAME', new URL(url).host)
    .replaceAll(/\bHOST\b/g, url);
}

/** Without one of its parts, which has to be there. */
export function without(code: string, ...parts: readonly string[]): string {
  return parts.reduce((rest, part) => {
    assert.ok(rest.includes(part), `${part} is in\n${rest}`);
    return rest.replace(part, '');
  }, code);
}
