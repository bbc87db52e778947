/** `millrace replay` starts and follows a replay; `millrace replays …` steers those that run. */
import type { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { ReplayProgress } from '../deliver/replay-shapes.ts';
import { connectAdmin } from './admin-client.ts';
import type { AdminClient } from './admin-client.ts';
import { EXIT } from './command-failures.ts';
import { printJson, printLine, tableText } from './output.ts';
import { barText } from './progress.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface ReplayOptions extends DataOptions {
  destination: string;
  from: string;
  to?: string;
  events?: string[];
  filter?: string;
  rate?: string;
  dryRun?: boolean;
  detach?: boolean;
}

const POLL_MS = 300;

/** Adds both; they ask the running server. */
export function addReplayCommands(program: Command): void {
  withJsonOption(withDataOptions(program.command('replay')))
    .description('send events of the past again to one destination')
    .requiredOption('--destination <slug>', 'to which one')
    .requiredOption('--from <time>', 'received at or after, such as 2026-01-31T00:00:00Z')
    .option('--to <time>', 'received before (default: now)')
    .option('--events <name...>', 'only these events or types')
    .option('--filter <FQL>', 'only events that meet this condition')
    .option('--rate <n>', 'events a second at most')
    .option('--dry-run', 'only count what would be sent')
    .option('--detach', 'do not wait for its end')
    .action(replay);
  const group = program.command('replays').description('replays of a destination');
  const sub = (name: string) =>
    withJsonOption(withDataOptions(group.command(name))).requiredOption(
      '--destination <slug>',
      'of which one',
    );
  sub('list').description('all, the newest first').action(list);
  for (const action of ['pause', 'resume', 'cancel'] as const) {
    sub(action)
      .description(`${action} a replay`)
      .argument('<id>')
      .action((id: string, options: ReplayOptions) => steer(id, action, options));
  }
}

async function replay(options: ReplayOptions): Promise<void> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  const nowIso = new Date(systemClock.wallMs()).toISOString();
  const body = {
    from: timeOf(options.from, '--from'),
    to: options.to === undefined ? nowIso : timeOf(options.to, '--to'),
    events: options.events ?? [],
    filter: options.filter ?? null,
    eventsPerSecond: options.rate === undefined ? null : Number(options.rate),
    dryRun: options.dryRun ?? false,
  };
  const path = pathOf(options);
  const init = { method: 'POST', body: JSON.stringify(body) };
  const answer = await (await client.request(path, init)).json();
  if (body.dryRun) return printDryRun(answer as DryRun, options);
  const started = answer as ReplayProgress;
  if (options.detach) {
    if (options.json) return printJson(started);
    return printLine(`Replay ${started.id} runs.`);
  }
  const ended = await follow(client, path, started.id);
  if (options.json) printJson(ended);
  else printLine(`Replay ${ended.id} is ${ended.state}: ${ended.delivered} delivered.`);
  if (ended.state !== 'done') process.exitCode = EXIT.failed;
}

interface DryRun {
  wouldSend: number;
  filtered: Record<string, number>;
}

function printDryRun(answer: DryRun, options: ReplayOptions): void {
  if (options.json) return printJson(answer);
  printLine(`${answer.wouldSend} events would be sent.`);
  for (const [reason, count] of Object.entries(answer.filtered)) {
    printLine(`${count} would be filtered: ${reason}`);
  }
}

/** Until it is done, cancelled, or paused by somebody. Ctrl-C leaves it running. */
async function follow(client: AdminClient, path: string, id: string): Promise<ReplayProgress> {
  for (;;) {
    const all = (await (await client.request(path)).json()) as ReplayProgress[];
    const found = all.find((one) => one.id === id);
    if (!found) throw new MillraceError('NOT_FOUND', `The replay ${id} is gone`);
    if (process.stderr.isTTY) {
      const { share, delivered, waiting } = found;
      process.stderr.write(`\r${barText(share)}${delivered} delivered, ${waiting} waiting `);
    }
    if (found.state !== 'running') {
      if (process.stderr.isTTY) process.stderr.write('\n');
      return found;
    }
    await systemClock.sleep(POLL_MS);
  }
}

async function list(options: ReplayOptions): Promise<void> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  const all = (await (await client.request(pathOf(options))).json()) as ReplayProgress[];
  if (options.json) return printJson(all);
  const rows = all.map(({ id, state, share, delivered, waiting, dead, createdAt }) => {
    return [id, state, `${Math.round(share * 100)} %`, delivered, waiting, dead, createdAt];
  });
  printLine(tableText(['id', 'state', 'done', 'delivered', 'waiting', 'dead', 'started'], rows));
}

async function steer(
  id: string,
  action: 'pause' | 'resume' | 'cancel',
  options: ReplayOptions,
): Promise<void> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  const path = `${pathOf(options)}/${encodeURIComponent(id)}/${action}`;
  const answer = await (await client.request(path, { method: 'POST' })).json();
  if (options.json) return printJson(answer);
  printLine(`Replay ${id} is ${(answer as ReplayProgress).state}.`);
}

function pathOf({ destination }: ReplayOptions): string {
  return `/admin/destinations/${encodeURIComponent(destination)}/replays`;
}

function timeOf(text: string, field: string): string {
  const ms = Date.parse(text);
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  throw new MillraceError('INVALID_ARGUMENT', `${field}: not a time such as 2026-01-31T00:00:00Z`, {
    field,
  });
}
