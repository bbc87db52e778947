/**
 * `millrace export` and `millrace apply`: the control store as a file in version control. Through
 * the server when one runs, else directly.
 */
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import { parseDocument } from '../operate/config-code/config-document.ts';
import { planText } from '../operate/config-code/config-plan.ts';
import type { ConfigPlan } from '../operate/config-code/config-plan.ts';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { readWholeFile, writeWholeFile } from '../base/whole-file.ts';
import { interpolateDocument } from '../config/interpolate.ts';
import type { Config } from '../config/config-schema.ts';
import { isObject } from '../events/json.ts';
import type { ControlSeams } from '../operate/destinations/change-destination.ts';
import { openSealer } from '../store/sealing/sealing-key.ts';
import { connectAdmin } from './admin-client.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, printNote } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import { CLI_ACTOR } from './cli-audit.ts';

interface ExportOptions extends DataOptions {
  output?: string;
}

interface ApplyOptions extends DataOptions {
  dryRun?: boolean;
  prune?: boolean;
}

const HEAD = `# Millrace: sources, destinations and people. \`millrace apply\` makes it so.
# Secrets are masked; masked ones stay what they are. Write new ones as \${NAME}.
`;

export function addConfigCodeCommands(program: Command): void {
  withJsonOption(withDataOptions(program.command('export')))
    .description('print sources, destinations and people as a document; no secrets')
    .option('--output <file>', 'write it to a file')
    .action(exportDocument);
  withJsonOption(withDataOptions(program.command('apply')))
    .description('make it so: all that a document says, or nothing')
    .argument('<file>', 'as export writes it; - is standard input')
    .option('--dry-run', 'only show what would change')
    .option('--prune', 'end what the document does not name')
    .action(apply);
}

async function exportDocument(options: ExportOptions): Promise<void> {
  const config = await configOf(options);
  const client = await connectAdmin(dataFolderOf(config)).catch(() => null);
  const { exportConfig } = await import('../operate/config-code/config-export.ts');
  const document: unknown = client
    ? await (await client.request('/admin/export')).json()
    : await withSeams(config, exportConfig);
  const isJson = options.json === true;
  const text = isJson ? `${JSON.stringify(document, null, 2)}\n` : HEAD + stringify(document);
  if (options.output === undefined) return printLine(text.trimEnd());
  await writeWholeFile(systemDisk, options.output, Buffer.from(text));
  printNote(`Written to ${options.output}`);
}

async function apply(file: string, options: ApplyOptions): Promise<void> {
  const config = await configOf(options);
  const given = await readDocument(file);
  const { dryRun = false, prune = false } = options;
  const { applyConfig } = await import('../operate/config-code/config-apply.ts');
  const how = { actor: CLI_ACTOR, isDryRun: dryRun, isPruning: prune };
  const client = await connectAdmin(dataFolderOf(config)).catch(() => null);
  const plan = client
    ? ((await (
        await client.request('/admin/apply', {
          method: 'POST',
          body: JSON.stringify({ document: given, dryRun, prune }),
        })
      ).json()) as ConfigPlan)
    : await withSeams(config, (seams) => applyConfig(seams, parseDocument(given), how));
  if (options.json) return printJson(plan);
  printLine(planText(plan));
}

/** @throws MillraceError INVALID_ARGUMENT when it is not YAML, or a variable is not set. */
async function readDocument(file: string): Promise<unknown> {
  const text = file === '-' ? await readInput() : await readText(file);
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    const message = `${file}: ${toError(error).message}`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: 'file', cause: error });
  }
  if (!isObject(document)) return document;
  const problems = interpolateDocument(document, process.env);
  if (problems.length === 0) return document;
  throw new MillraceError('INVALID_ARGUMENT', problems.join('\n'), { field: 'file' });
}

async function readText(path: string): Promise<string> {
  const bytes = await readWholeFile(systemDisk, path).catch((error: unknown): never => {
    const message = `${path}: ${toError(error).message}`;
    throw new MillraceError('NOT_FOUND', message, { field: 'file', cause: error });
  });
  return bytes.toString('utf8');
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function withSeams<T>(config: Config, work: (seams: ControlSeams) => T): Promise<T> {
  const { createNet } = await import('../net/guarded-net.ts');
  const dataFolder = dataFolderOf(config);
  const sealer = await openSealer(config.secrets, dataFolder, systemDisk, systemRandom);
  const net = createNet({ settings: config.net, clock: systemClock });
  try {
    return await withStore(config, (store) => work({ store, sealer, net, config }));
  } finally {
    await net.close();
  }
}
