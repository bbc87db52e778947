/** `millrace dead-letters …`: what could not be delivered, and what becomes of it. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { DeadLetterView, DeadLetterGroup } from '../deliver/dead-letter-shapes.ts';
import { connectAdmin } from './admin-client.ts';
import { printJson, printLine, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface ChoiceOptions extends DataOptions {
  destination: string;
  id?: string;
  reason?: string;
  status?: string;
  message?: string;
  all?: boolean;
  because?: string;
  limit?: string;
  after?: string;
}

/** Adds the commands; all of them ask the running server. */
export function addDeadLettersCommands(program: Command): void {
  const group = program.command('dead-letters').description('look at, retry and discard them');
  const sub = (name: string) =>
    withJsonOption(withDataOptions(group.command(name))).requiredOption(
      '--destination <slug>',
      'whose dead letters',
    );
  sub('groups').description('how many there are, by cause').action(groups);
  withChoice(sub('list'))
    .description('dead letters, the oldest first')
    .option('--limit <n>', 'most to show', '100')
    .option('--after <id>', 'only those behind this one')
    .action(list);
  sub('show').description('one, with its event').argument('<id>').action(show);
  withChoice(sub('retry'))
    .description('send them again as they are')
    .addOption(new Option('--all', 'all of them'))
    .action((options: ChoiceOptions) => act('retry', options));
  withChoice(sub('discard'))
    .description('let them go; they stay counted')
    .requiredOption('--because <reason>', 'why, for the counts')
    .addOption(new Option('--all', 'all of them'))
    .action((options: ChoiceOptions) => act('discard', options));
}

function withChoice(command: Command): Command {
  return command
    .option('--id <id>', 'this one')
    .option('--reason <code>', 'those with this reason')
    .option('--status <status>', 'those with this status')
    .option('--message <messageId>', 'those of this event');
}

async function request(
  options: ChoiceOptions,
  path: string,
  init: RequestInit = {},
): Promise<unknown> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  const base = `/admin/destinations/${encodeURIComponent(options.destination)}/dead-letters`;
  return (await client.request(base + path, init)).json();
}

async function groups(options: ChoiceOptions): Promise<void> {
  const rows = (await request(options, '/groups')) as DeadLetterGroup[];
  if (options.json) return printJson(rows);
  if (rows.length === 0) return printLine('There are no dead letters.');
  const cells = rows.map(({ reason, status, count, lastDiedAtMs, message }) => {
    return [count, reason, status, new Date(lastDiedAtMs).toISOString(), message];
  });
  printLine(tableText(['count', 'reason', 'status', 'last', 'such as'], cells));
}

async function list(options: ChoiceOptions): Promise<void> {
  const query = new URLSearchParams(choiceOf(options));
  if (options.limit) query.set('limit', options.limit);
  if (options.after) query.set('after', options.after);
  const rows = (await request(options, `?${query}`)) as DeadLetterView[];
  if (options.json) return printJson(rows);
  const cells = rows.map(({ id, messageId, type, event, attempts, diedAtMs, failure }) => {
    const { reason, status } = failure;
    const diedAt = new Date(diedAtMs).toISOString();
    return [id, diedAt, type, event, messageId, attempts, reason, status];
  });
  const heads = ['id', 'died', 'type', 'event', 'messageId', 'attempts', 'reason', 'status'];
  printLine(tableText(heads, cells));
}

async function show(id: string, options: ChoiceOptions): Promise<void> {
  printJson(await request(options, `/${encodeURIComponent(id)}`));
}

async function act(action: 'retry' | 'discard', options: ChoiceOptions): Promise<void> {
  const { all, because } = options;
  const { id, status, ...rest } = choiceOf(options);
  const body = {
    ...rest,
    ...(id && { id: Number(id) }),
    ...(status && { status: Number(status) }),
    ...(all && { all }),
    ...(because && { because }),
  };
  const init = { method: 'POST', body: JSON.stringify(body) };
  const { count } = (await request(options, `/${action}`, init)) as { count: number };
  if (options.json) return printJson({ count });
  printLine(`${count} dead letters ${action === 'retry' ? 'are sent again' : 'discarded'}.`);
}

function choiceOf({ id, reason, status, message }: ChoiceOptions): Record<string, string> {
  return {
    ...(id && { id }),
    ...(reason && { reason }),
    ...(status && { status }),
    ...(message && { messageId: message }),
  };
}
