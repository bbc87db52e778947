/** docs/compatibility.md may not go stale: it is about the SDKs and behaviours that there are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compatibilityPage } from '../support/compat/compatibility-page.ts';
import { BEHAVIOUR_NAMES } from '../support/compat/sdk-contract.ts';
import type { Sdk } from '../support/compat/sdk-contract.ts';
import { SDKS } from '../support/compat/sdk-matrix.ts';
import { readResults } from '../support/compat/sdk-results.ts';
import { textOf } from './repo-files.ts';

const sdks: Readonly<Record<string, Sdk>> = SDKS;
const results = readResults();

test('the results are those of the SDKs that the matrix declares, at their versions', () => {
  const declared = Object.entries(sdks).map(([name, { version }]) => [name, version]);
  const found = Object.entries(results).map(([name, { version }]) => [name, version]);
  assert.deepEqual(found.sort(), declared.sort(), 'npm run compat -- <SDK> runs what is missing');
});

test('every behaviour has an answer, or the SDK a reason why it was not run', () => {
  for (const [name, { cells, reason }] of Object.entries(results)) {
    if (cells === undefined) assert.ok(reason, name);
    else assert.deepEqual(Object.keys(cells).sort(), [...BEHAVIOUR_NAMES].sort(), name);
  }
});

test('no behaviour failed, and what an SDK loses has its reason in the matrix', () => {
  for (const [name, { cells }] of Object.entries(results)) {
    for (const behaviour of BEHAVIOUR_NAMES) {
      const state = cells?.[behaviour]?.state ?? 'complete';
      assert.notEqual(state, 'failed', `${name}: ${behaviour}`);
      if (state === 'incomplete') {
        assert.ok(sdks[name]?.limits?.[behaviour], `${name}: ${behaviour} needs a reason`);
      }
    }
  }
});

test('docs/compatibility.md is made of these results', () => {
  assert.equal(textOf('docs/compatibility.md'), compatibilityPage());
});
