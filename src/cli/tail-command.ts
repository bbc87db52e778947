/** `millrace tail`: events as they arrive at the running server. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { assert } from '../base/assert.ts';
import { parseExact } from '../events/exact-json.ts';
import { EVENT_TYPES } from '../events/routes.ts';
import { connectAdmin } from './admin-client.ts';
import { cellText, printLine, printNote } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface TailOptions extends DataOptions {
  type?: string;
  event?: string;
  user?: string;
  source?: string;
  status?: string;
  count?: string;
}

type Entry = Record<string, unknown>;

const STATUSES = ['stored', 'duplicate', 'rejected'];

export function addTailCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('tail')))
    .description('show events as they arrive')
    .addOption(new Option('--type <type>', 'only events of this type').choices(EVENT_TYPES))
    .option('--event <name>', 'only events of this name')
    .option('--user <id>', 'only events of this userId or anonymousId')
    .option('--source <slug>', 'only events of this source')
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
    .option('--count <events>', 'end after so many')
    .action(tail);
}

async function tail(options: TailOptions): Promise<void> {
  const admin = await connectAdmin(dataFolderOf(await configOf(options)));
  const response = await admin.request('/tail');
  assert(response.body, 'an event stream has a body');
  if (!options.json) printNote('Waiting for events (Ctrl-C ends)…');
  let left = options.count === undefined ? Infinity : Number(options.count);
  for await (const entry of entriesOf(response.body)) {
    if (!isWanted(entry, options)) continue;
    printLine(options.json ? JSON.stringify(entry) : lineOf(entry));
    if (--left <= 0) break;
  }
}

/** Server-sent events: blocks between empty lines; `missed` says how many were left out. */
async function* entriesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Entry> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data === undefined) continue;
      if (/^event: missed$/m.test(block)) printNote(`(${data} more arrived too fast to show)`);
      else yield parseExact(Buffer.from(data)) as Entry;
    }
  }
}

function isWanted(entry: Entry, options: TailOptions): boolean {
  const { type, event, user, source, status } = options;
  if (status !== undefined && entry['status'] !== status) return false;
  if (type !== undefined && entry['type'] !== type) return false;
  if (event !== undefined && entry['event'] !== event) return false;
  if (source !== undefined && entry['source'] !== source) return false;
  return user === undefined || entry['userId'] === user || entry['anonymousId'] === user;
}

function lineOf(entry: Entry): string {
  const receivedAt = entry['receivedAt'] ?? new Date(Number(entry['receivedAtMs'])).toISOString();
  const time = String(receivedAt).slice(11, 23);
  const who = entry['userId'] ?? entry['anonymousId'] ?? '';
  if (entry['status'] === 'rejected') {
    const why = `${String(entry['code'])}: ${String(entry['message'])}`;
    return `${time}  ✗ rejected  ${cellText(entry['source'])}  ${cellText(why)}`;
  }
  const what = entry['event'] ?? entry['name'] ?? entry['groupId'] ?? '';
  const detail = entry['properties'] ?? entry['traits'] ?? {};
  const parts = [entry['source'], entry['type'], what, who, detail].map((part) => cellText(part));
  const again = entry['status'] === 'duplicate' ? '≡ duplicate  ' : '';
  return `${time}  ${again}${parts.join('  ')}${repairedText(entry['repairs'])}`;
}

/** Which fields are read in another way than they were sent; the trace says how. */
function repairedText(repairs: unknown): string {
  if (!Array.isArray(repairs) || repairs.length === 0) return '';
  const fields = (repairs as readonly { field: string }[]).map(({ field }) => field);
  return `  (repaired: ${cellText(fields.join(', '))})`;
}
