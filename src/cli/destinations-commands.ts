/** `millrace destinations …`: what is connected, and how it fares. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config-schema.ts';
import type * as control from '../operate/destinations/change-destination.ts';
import type { ControlSeams } from '../operate/destinations/change-destination.ts';
import { openSealer } from '../store/sealing/sealing-key.ts';
import { findDestination, listDestinations } from '../store/destinations/destinations.ts';
import { inStoreTransaction } from '../store/store.ts';
import { connectAdmin } from './admin-client.ts';
import { CLI_ACTOR } from './cli-audit.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface SettingOptions extends DataOptions {
  name?: string;
  slug?: string;
  region?: string;
  source?: string[];
  setting?: string[];
  settings?: string;
  consent?: string[];
  filter?: string[];
  start?: string;
  state?: 'enabled' | 'paused' | 'disabled';
}

/** Adds the commands; those that only look at the control store work without a server. */
export function addDestinationsCommands(program: Command): void {
  const group = program.command('destinations').description('connect and steer destinations');
  const sub = (name: string) => withJsonOption(withDataOptions(group.command(name)));
  sub('list').description('destinations and how they fare').action(list);
  sub('types')
    .description('kinds of destinations; with a name, its settings')
    .argument('[type]', 'such as webhook or actions-slack')
    .action(types);
  withSettingOptions(sub('create'))
    .description('connect a destination')
    .argument('<type>', 'see destinations types')
    .requiredOption('--name <name>', 'name for people')
    .option('--slug <slug>', 'name for machines (default: made from the name)')
    .option('--region <region>', 'region of its data (default: the first one configured)')
    .option('--start <place>', 'now, beginning, or a time (default: now)')
    .action(create);
  withSettingOptions(sub('update'))
    .description('change what is given; settings are merged')
    .argument('<slug>')
    .option('--name <name>', 'name for people')
    .action(update);
  for (const [name, state, text] of STATES) {
    sub(name)
      .description(text)
      .argument('<slug>')
      .action((slug: string, options: DataOptions) => setState(slug, state, options));
  }
  sub('delete')
    .description('forget it, its cursor and dead letters')
    .argument('<slug>')
    .action(remove);
  sub('test')
    .description('prove the settings with a harmless call')
    .argument('<slug>')
    .action(test);
}

const STATES = [
  ['enable', 'enabled', 'deliver again, from where it stopped'],
  ['pause', 'paused', 'deliver nothing for now; everything comes later'],
  ['disable', 'disabled', 'let events pass by; they are counted as filtered'],
] as const;

function withSettingOptions(command: Command): Command {
  return command
    .option('--setting <key=value...>', 'a setting; value is text, or JSON')
    .option('--settings <json>', 'settings as one JSON object')
    .option('--source <slug...>', 'connected sources (default: all of the region)')
    .option('--consent <category...>', 'only for users who consented to all of these')
    .option('--filter <json...>', 'a destination filter, as in the configuration')
    .addOption(
      new Option('--state <state>', 'whether it delivers').choices([
        'enabled',
        'paused',
        'disabled',
      ]),
    );
}

async function list(options: DataOptions): Promise<void> {
  const config = await configOf(options);
  const client = await connectAdmin(dataFolderOf(config)).catch(() => null);
  if (!client) {
    const shown = await withControl(config, ({ store, sealer }, { shownDestination }) =>
      listDestinations(store, sealer).map(shownDestination),
    );
    if (options.json) return printJson(shown);
    const heads = ['slug', 'name', 'type', 'state'] as const;
    return printLine(
      tableText(
        heads,
        shown.map((row) => heads.map((head) => row[head])),
      ),
    );
  }
  const rows = (await (await client.request('/admin/destinations')).json()) as ListedDestination[];
  if (options.json) return printJson(rows);
  const heads = ['slug', 'type', 'state', 'delivered', 'filtered', 'waiting', 'dead', 'lag', 'now'];
  printLine(tableText(heads, rows.map(listRow)));
}

interface ListedDestination {
  slug: string;
  type: string;
  state: string;
  status: {
    failure: string | null;
    breaker: string;
    live: { lagBytes: number; lagSeconds: number; waiting: number } | null;
    delivered: number;
    filtered: Record<string, number>;
    deadLetters: number;
  } | null;
}

function listRow({ slug, type, state, status }: ListedDestination): unknown[] {
  if (!status) return [slug, type, state, '', '', '', '', '', 'starting'];
  const { delivered, filtered, deadLetters, live, breaker, failure } = status;
  const sum = Object.values(filtered).reduce((total, count) => total + count, 0);
  const lag = !live || live.lagBytes === 0 ? '0 s' : `${Math.round(live.lagSeconds)} s`;
  const now = failure ?? (breaker === 'closed' ? 'ok' : 'not getting through');
  return [slug, type, state, delivered, sum, live?.waiting ?? 0, deadLetters, lag, now];
}

async function types(name: string | undefined, options: DataOptions): Promise<void> {
  const { describeDestinationType, listDestinationTypes } =
    await import('../destinations/destination-registry.ts');
  const all = listDestinationTypes();
  if (name === undefined) {
    if (options.json)
      return printJson(all.map(({ type, title, class: kind }) => ({ type, title, class: kind })));
    const rows = all.map(({ type, title, class: kind }) => [type, title, kind]);
    return printLine(tableText(['type', 'title', 'class'], rows));
  }
  const found = describeDestinationType(name);
  if (!found) throw new MillraceError('NOT_FOUND', `There is no type ${name}`, { field: 'type' });
  if (options.json) return printJson(found);
  const rows = found.fields.map(({ key, type, isRequired, isSecret, description }) => {
    return [key, type, isRequired ? 'required' : '', isSecret ? 'secret' : '', description];
  });
  printLine(tableText(['setting', 'type', '', '', 'description'], rows));
  if (!('actions' in found)) return;
  const actions = Object.entries(found.actions).map(([action, about]) => {
    return [action, about.defaultSubscription ?? '', about.description];
  });
  printLine(`\n${tableText(['action', 'usual trigger', 'description'], actions)}`);
}

async function create(type: string, options: SettingOptions): Promise<void> {
  const config = await configOf(options);
  const { name = '', slug = slugOf(name), region, start } = options;
  const given = { type, name, slug, ...(region && { region }), ...(start && { start }) };
  const made = await withControl(config, (seams, calls) =>
    inStoreTransaction(seams.store, () => {
      const whole = { ...given, ...changeOf(options), settings: settingsOf(options) };
      const created = calls.makeDestination(seams, whole);
      calls.auditDestination(seams.store, CLI_ACTOR, 'Destination Created', null, created);
      return calls.shownDestination(created);
    }),
  );
  if (options.json) return printJson(made);
  printLine(`Destination ${made.slug} (${made.type}) is ${made.state}.`);
}

async function update(slug: string, options: SettingOptions): Promise<void> {
  const config = await configOf(options);
  const made = await withControl(config, (seams, calls) => {
    const found = findDestination(seams.store, seams.sealer, slug);
    const settings = { ...found?.settings, ...settingsOf(options) };
    const { name } = options;
    return changed(seams, calls, slug, { ...(name && { name }), ...changeOf(options), settings });
  });
  if (options.json) return printJson(made);
  printLine(`Destination ${made.slug} is changed.`);
}

async function setState(
  slug: string,
  state: (typeof STATES)[number][1],
  options: DataOptions,
): Promise<void> {
  const config = await configOf(options);
  const made = await withControl(config, (seams, calls) => changed(seams, calls, slug, { state }));
  if (options.json) return printJson(made);
  printLine(`Destination ${made.slug} is ${made.state}.`);
}

function changed(seams: ControlSeams, calls: Control, slug: string, change: object) {
  return inStoreTransaction(seams.store, () => {
    const before = findDestination(seams.store, seams.sealer, slug) ?? null;
    const after = calls.changeDestination(seams, slug, change);
    calls.auditDestination(seams.store, CLI_ACTOR, 'Destination Modified', before, after);
    return calls.shownDestination(after);
  });
}

async function remove(slug: string, options: DataOptions): Promise<void> {
  await withControl(await configOf(options), (seams, calls) =>
    inStoreTransaction(seams.store, () => {
      const found = findDestination(seams.store, seams.sealer, slug);
      calls.removeDestination(seams, slug);
      if (!found) return;
      calls.auditDestination(seams.store, CLI_ACTOR, 'Destination Deleted', found, null);
    }),
  );
  if (options.json) return printJson({ deleted: slug });
  printLine(`Destination ${slug} is deleted.`);
}

async function test(slug: string, options: DataOptions): Promise<void> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  await client.request(`/admin/destinations/${encodeURIComponent(slug)}/test`, { method: 'POST' });
  if (options.json) return printJson({ ok: true });
  printLine(`Destination ${slug} works.`);
}

/** Loaded when it is needed, because all kinds of destinations come with it. */
type Control = typeof control;

async function withControl<T>(
  config: Config,
  work: (seams: ControlSeams, calls: Control) => T,
): Promise<T> {
  const calls = await import('../operate/destinations/change-destination.ts');
  const { createNet } = await import('../net/guarded-net.ts');
  const dataFolder = dataFolderOf(config);
  const sealer = await openSealer(config.secrets, dataFolder, systemDisk, systemRandom);
  const net = createNet({ settings: config.net, clock: systemClock });
  try {
    return await withStore(config, (store) => work({ store, sealer, net, config }, calls));
  } finally {
    await net.close();
  }
}

function changeOf({ source, consent, filter, state }: SettingOptions): Record<string, unknown> {
  return {
    ...(source && { sources: source }),
    ...(consent && { consentCategories: consent }),
    ...(filter && { filters: filter.map((text) => parseJson(text, '--filter')) }),
    ...(state && { state }),
  };
}

function settingsOf({ setting = [], settings }: SettingOptions): Record<string, unknown> {
  const whole = settings === undefined ? {} : parseJson(settings, '--settings');
  const single = setting.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), settingValue(text.slice(at + 1))];
    const message = `--setting: ${text.slice(0, 20)} is not key=value`;
    throw new MillraceError('INVALID_ARGUMENT', message, { field: '--setting' });
  });
  return { ...(whole as Record<string, unknown>), ...Object.fromEntries(single) };
}

/** JSON where it is a list, object, number or boolean; else the text itself. */
function settingValue(text: string): unknown {
  if (!/^(\[|\{|true$|false$|-?\d+(\.\d+)?$)/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // It only looked like JSON.
    return text;
  }
}

function parseJson(text: string, field: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new MillraceError('INVALID_ARGUMENT', `${field}: not JSON`, { field, cause: error });
  }
}

function slugOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
    .slice(0, 64);
}
