/** The tests of one SDK: those behaviours of the matrix that are quick enough for each run. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BEHAVIOURS, runMany } from './compat/sdk-behaviours.ts';
import type { Outcome } from './compat/sdk-behaviours.ts';
import { startBench } from './compat/sdk-bench.ts';
import type { Bench } from './compat/sdk-bench.ts';
import type { BehaviourName, Sdk } from './compat/sdk-contract.ts';
import type { Fault } from './fault-front.ts';

const FAULTS: readonly Fault[] = ['503', 'lost-answer', '429'];
/** Single faults and kill -9 are the matrix's alone. */
const TESTED: readonly BehaviourName[] = ['six', 'values', 'many', 'refused', 'unknown-key'];

/** A missing toolchain skips each of its tests, with the reason. */
export async function sdkSuite(sdk: Sdk): Promise<void> {
  const prepared = await sdk.prepare();
  const assertComplete = ({ text, isComplete }: Outcome, name: BehaviourName): void =>
    assert.ok(isComplete || sdk.limits?.[name] !== undefined, text);

  describe(sdk.title, { skip: prepared.ok ? false : prepared.reason }, () => {
    let bench: Bench;
    before(async () => {
      assert.ok(prepared.ok);
      bench = await startBench(sdk, prepared);
    });
    after(() => bench.stop());

    for (const name of TESTED) {
      const { title, meaning, run } = BEHAVIOURS[name];
      test(`${title}: ${meaning}`, async () => assertComplete(await run(bench), name));
    }

    test('503, 429 and a lost answer: retried, nothing lost, nothing doubled', async () => {
      const outcome = await runMany(bench, 'mixed', sdk.mixedFaults ?? FAULTS);
      assert.ok(outcome.isComplete, outcome.text);
    });
  });
}
