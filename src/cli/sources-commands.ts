/** `millrace sources …` */
import type { Command } from 'commander';
import { Option } from 'commander';
import { MillraceError } from '../base/errors.ts';
import { recordAudit } from '../store/people/audit.ts';
import { createSource, listSources } from '../store/sources/sources.ts';
import type { Source } from '../store/sources/sources.ts';
import type { Environment } from '../store/sources/source-shapes.ts';
import { inStoreTransaction } from '../store/store.ts';
import { createKey } from '../store/sources/write-keys.ts';
import { CLI_ACTOR, auditKey } from './cli-audit.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface CreateOptions extends DataOptions {
  slug?: string;
  region?: string;
  environment: Environment;
}

export function addSourcesCommands(program: Command): void {
  const sources = program.command('sources').description('list and create sources');
  withJsonOption(withDataOptions(sources.command('list')))
    .description('list sources')
    .action(list);
  withJsonOption(withDataOptions(sources.command('create')))
    .description('make a source with a write key, which is printed once')
    .argument('<name>', 'name for people')
    .option('--slug <slug>', 'name for machines (default: made from the name)')
    .option('--region <region>', 'region of its data (default: the first one configured)')
    .addOption(
      new Option('--environment <label>', 'label of its events')
        .choices(['development', 'staging', 'production'])
        .default('production'),
    )
    .action(create);
}

async function list(options: DataOptions): Promise<void> {
  const sources = await withStore(await configOf(options), listSources);
  if (options.json) return printJson(sources.map(shown));
  const heads = ['slug', 'name', 'region', 'environment', 'enabled', 'responses', 'ip'];
  printLine(
    tableText(
      heads,
      sources.map((source) => [
        source.slug,
        source.name,
        source.region,
        source.environment,
        source.isEnabled ? 'yes' : 'no',
        source.responses,
        source.ip,
      ]),
    ),
  );
}

async function create(name: string, options: CreateOptions): Promise<void> {
  const config = await configOf(options);
  const regions = Object.keys(config.regions);
  const region = options.region ?? regions[0] ?? 'us';
  if (!regions.includes(region)) {
    const message = `--region: ${region} is not a region (allowed: ${regions.join(', ')})`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: '--region' });
  }
  const { slug, environment } = options;
  const made = await withStore(config, (store) =>
    inStoreTransaction(store, () => {
      const source = createSource(store, { name, slug, region, environment });
      const resource = { type: 'source', id: source.id, name: source.name };
      const after = shown(source);
      recordAudit(store, CLI_ACTOR, { action: 'Source Created', resource, after });
      const key = createKey(store, source.slug);
      auditKey(store, 'Write Key Created', key);
      return { source, key: key.key };
    }),
  );
  if (options.json) return printJson({ ...shown(made.source), writeKey: made.key });
  printLine(`Source ${made.source.slug} in ${region}. Its write key (shown once):`);
  printLine(made.key);
}

function shown(source: Source): Record<string, unknown> {
  const { id, name, slug, region, environment, isEnabled, limits, responses, ip } = source;
  return { id, name, slug, region, environment, enabled: isEnabled, limits, responses, ip };
}
