/**
 * The real thing: Terraform (or OpenTofu) with Segment's own provider against a server of this
 * checkout. Plan, apply, a plan without a difference, a change, and destroy, with ten resources.
 *
 *   node scripts/run.mjs scripts/terraform-check.ts <provider binary> [terraform binary]
 *
 * The provider is built from Segment's source (`go build`), and must be called
 * terraform-provider-segment. Nothing is fetched: its place is told by `dev_overrides`.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startTestServer } from '../test/support/test-server.ts';
import { runCommand } from './run-command.ts';
import { terraformConfiguration } from './terraform-configuration.ts';

const STEP_MS = 180_000;
const RESOURCES = 10;

const { positionals } = parseArgs({ allowPositionals: true });
const [provider, terraform = 'terraform'] = positionals;
if (provider === undefined) {
  console.error('usage: scripts/terraform-check.ts <provider binary> [terraform binary]');
  process.exitCode = 2;
} else {
  process.exitCode = (await check(resolve(provider), terraform)) ? 0 : 1;
}

/** Whether every step ended as it should; says so of each. */
async function check(providerPath: string, program: string): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-terraform-'));
  const server = await startTestServer({ config: { net: { allow: ['127.0.0.1'] } } });
  try {
    await writeFile(join(folder, 'cli.tfrc'), overrides(dirname(providerPath)));
    const env = {
      TF_CLI_CONFIG_FILE: join(folder, 'cli.tfrc'),
      TF_IN_AUTOMATION: '1',
      CHECKPOINT_DISABLE: '1',
      PUBLIC_API_URL: server.adminUrl,
      PUBLIC_API_TOKEN: server.token,
    };
    const step = async (args: string[], name: string, expected: string): Promise<boolean> => {
      const given = [...args, '-no-color', '-input=false'];
      const { isDone, output } = await runCommand(program, given, { msMax: STEP_MS, folder, env });
      const isRight = isDone && output.includes(expected);
      console.log(`${isRight ? 'ok    ' : 'FAILED'} ${name}: ${expected}`);
      if (!isRight) console.log(output);
      return isRight;
    };
    const write = (name: string) =>
      writeFile(join(folder, 'main.tf'), terraformConfiguration(name));
    const unchanged = () => step(['plan', '-detailed-exitcode'], 'plan again', 'No changes');
    await write('Shop');
    const added = `${RESOURCES} added, 0 changed, 0 destroyed`;
    const isMade = await step(['apply', '-auto-approve'], 'apply', added);
    const isSame = isMade && (await unchanged());
    await write('Shop renamed');
    const change = '0 added, 5 changed, 0 destroyed';
    const isChanged = isSame && (await step(['apply', '-auto-approve'], 'change', change));
    const isSettled = isChanged && (await unchanged());
    const gone = `${RESOURCES} destroyed`;
    const isGone = await step(['destroy', '-auto-approve'], 'destroy', gone);
    return isSettled && isGone;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function overrides(folder: string): string {
  return `provider_installation {
  dev_overrides {
    "segmentio/segment" = ${JSON.stringify(folder)}
  }
  direct {}
}
`;
}
