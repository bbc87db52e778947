/**
 * Runs real SDKs against a server of this checkout and writes what came of it into
 * docs/compatibility.json; `npm run docs` makes docs/compatibility.md of it.
 *
 *   npm run compat                      every SDK whose toolchain this machine has
 *   npm run compat -- ruby php          only these; the others keep their results
 *   npm run compat -- ruby --only kill  one behaviour; the others keep their results
 *   npm run compat -- --list            the names
 *
 * An SDK that cannot be started here keeps the result of an earlier run of the same version;
 * without one its row says why. Exit code 1 when Millrace broke its word, or when an SDK lost
 * events without a known reason in the matrix.
 */
import { parseArgs } from 'node:util';
import { BEHAVIOURS } from '../test/support/compat/sdk-behaviours.ts';
import { startBench } from '../test/support/compat/sdk-bench.ts';
import { BEHAVIOUR_NAMES } from '../test/support/compat/sdk-contract.ts';
import type { BehaviourName, Sdk } from '../test/support/compat/sdk-contract.ts';
import { SDKS } from '../test/support/compat/sdk-matrix.ts';
import type { SdkName } from '../test/support/compat/sdk-matrix.ts';
import { readResults, writeResults } from '../test/support/compat/sdk-results.ts';
import type { Cell, SdkResult } from '../test/support/compat/sdk-results.ts';

const NAMES = Object.keys(SDKS) as SdkName[];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, only: { type: 'string' } },
});
const unknown = positionals.filter((name) => !(name in SDKS));
if (values.list === true) console.log(NAMES.join('\n'));
else if (unknown.length > 0) {
  console.error(`no such SDK: ${unknown.join(', ')}; --list names them`);
  process.exitCode = 2;
} else {
  const wanted = positionals.length === 0 ? NAMES : NAMES.filter((n) => positionals.includes(n));
  process.exitCode = (await runMatrix(wanted)) ? 0 : 1;
}

/** Whether all is well; what is known so far is written after each SDK. */
async function runMatrix(wanted: readonly SdkName[]): Promise<boolean> {
  let isWell = true;
  for (const name of wanted) {
    const result = await runSdk(SDKS[name], readResults()[name]);
    isWell &&= !isBroken(SDKS[name], result);
    await writeResults({ ...readResults(), [name]: result });
  }
  return isWell;
}

async function runSdk(sdk: Sdk, earlier: SdkResult | undefined): Promise<SdkResult> {
  console.log(`\n${sdk.title} ${sdk.version}`);
  const date = new Date().toISOString().slice(0, 10);
  const prepared = await sdk.prepare();
  if (!prepared.ok) {
    console.log(`  not run: ${prepared.reason}`);
    const isKept = earlier?.cells !== undefined && earlier.version === sdk.version;
    return isKept ? earlier : { version: sdk.version, date, reason: prepared.reason };
  }
  const bench = await startBench(sdk, prepared);
  try {
    const cells = { ...earlier?.cells } as Record<BehaviourName, Cell>;
    for (const name of BEHAVIOUR_NAMES.filter(isWanted)) {
      if (sdk.isRefused === true && name !== 'six') {
        cells[name] = { text: 'refused', state: 'incomplete' };
        continue;
      }
      const cell = await BEHAVIOURS[name].run(bench).then(
        ({ text, isComplete }): Cell => ({ text, state: isComplete ? 'complete' : 'incomplete' }),
        (error: unknown): Cell => ({ text: `failed: ${String(error)}`, state: 'failed' }),
      );
      cells[name] = cell;
      console.log(`  ${name.padEnd(12)} ${cell.state.padEnd(8)} ${cell.text}`);
    }
    return { version: sdk.version, date, cells };
  } finally {
    await bench.stop();
  }
}

function isWanted(name: BehaviourName): boolean {
  return values.only === undefined || values.only === name;
}

/** Fewer than were sent is the SDK's doing only where the matrix says so. */
function isBroken({ limits = {} }: Sdk, { cells }: SdkResult): boolean {
  return (Object.entries(cells ?? {}) as [BehaviourName, Cell][]).some(
    ([name, { state }]) => state === 'failed' || (state === 'incomplete' && !(name in limits)),
  );
}
