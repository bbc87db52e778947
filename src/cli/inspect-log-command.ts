/** `millrace inspect-log`: the records of the log and what is damaged, read from the files. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemDisk } from '../base/disk.ts';
import { MillraceError } from '../base/errors.ts';
import { decodePayload } from '../events/envelope.ts';
import { openLogReader } from '../log/log-reader.ts';
import type { Damage, LogRecord } from '../log/log-reader.ts';
import { listSegments } from '../log/segments.ts';
import { openWatermark } from '../log/watermark.ts';
import { EXIT } from './command-failures.ts';
import { cellText, printLine, printNote } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import { assertDataFolder } from './while-stopped.ts';

interface InspectOptions extends DataOptions {
  partition?: string;
  from: string;
  limit: string;
  body?: boolean;
}

interface Found {
  region: string;
  partition: string;
  folder: string;
}

const READ_BYTES = 4 * 1024 * 1024;

export function addInspectLogCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('inspect-log')))
    .description('print the records of the log and what is damaged; exit code 1 on damage')
    .option('--partition <name>', 'only this partition, such as us-0')
    .option('--from <position>', 'begin at this position of the partition', '0')
    .option('--limit <records>', 'records to print of each partition', '20')
    .option('--body', 'print the bodies too')
    .addHelpText('after', '\nDamage is looked for in the whole log, however few records are shown.')
    .action(inspect);
}

async function inspect(options: InspectOptions): Promise<void> {
  const dataFolder = dataFolderOf(await configOf(options));
  await assertDataFolder(dataFolder);
  const found = await findPartitions(dataFolder);
  const wanted = found.filter(
    ({ partition }) => options.partition === undefined || partition === options.partition,
  );
  if (options.partition !== undefined && wanted.length === 0) {
    const message = `There is no partition ${options.partition}`;
    throw new MillraceError('NOT_FOUND', message, { field: '--partition' });
  }
  let damaged = 0;
  for (const place of wanted) damaged += await inspectPartition(place, options);
  if (damaged > 0) process.exitCode = EXIT.failed;
}

async function findPartitions(dataFolder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const region of await systemDisk.list(dataFolder)) {
    const root = join(dataFolder, region, 'log');
    if (!(await systemDisk.exists(root))) continue;
    for (const partition of await systemDisk.list(root)) {
      found.push({ region, partition, folder: join(root, partition) });
    }
  }
  return found;
}

/** Returns how many damaged ranges there are. */
async function inspectPartition(place: Found, options: InspectOptions): Promise<number> {
  const { folder, partition } = place;
  const segments = await listSegments(systemDisk, folder);
  const from = Math.max(Number(options.from), segments[0]?.base ?? 0);
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  if (!options.json) {
    printLine(`${partition}: ${segments.length} segments, ${bytes} bytes, in ${folder}`);
  }
  const reader = await openLogReader({ disk: systemDisk, folder, from });
  let records = 0;
  let events = 0;
  let proven = 0;
  const damaged: Damage[] = [];
  try {
    for (;;) {
      const part = await reader.read(Number.POSITIVE_INFINITY, READ_BYTES);
      for (const record of part.records) {
        proven = Math.max(proven, record.durable);
        events += decodePayload(record.payload).envelope.eventCount;
        if (records++ < Number(options.limit)) printRecord(partition, record, options);
      }
      damaged.push(...part.damage);
      if (part.records.length === 0 && part.damage.length === 0) break;
    }
  } finally {
    await reader.close();
  }
  const torn = await tornTail(folder, damaged, proven);
  printSummary(place, { records, events, damaged, torn }, options);
  return damaged.length;
}

/**
 * Takes out of the list what was never durable: that is what a crash, or a writer at work, has
 * left unfinished, and the next start cuts it.
 * @param proven a position that records say was durable: a crash may come before the watermark.
 */
async function tornTail(folder: string, damaged: Damage[], proven: number): Promise<Damage | null> {
  if (damaged.length === 0) return null;
  const watermark = await openWatermark(systemDisk, folder);
  await watermark.close();
  const durable = Math.max(proven, watermark.initial?.durable ?? 0);
  const at = damaged.findIndex(({ from }) => from >= durable);
  const unfinished = at < 0 ? [] : damaged.splice(at);
  const [first] = unfinished;
  return first ? { ...first, to: unfinished.at(-1)?.to ?? first.to } : null;
}

function printRecord(partition: string, record: LogRecord, options: InspectOptions): void {
  const { position, next } = record;
  const { envelope, body } = decodePayload(record.payload);
  const { kind, route, sourceNumber, eventCount, rejections, receivedAtMs } = envelope;
  const receivedAt = new Date(receivedAtMs).toISOString();
  if (options.json) {
    const shown = options.body ? { body: body.toString('utf8') } : {};
    printLine(JSON.stringify({ partition, position, next, ...envelope, receivedAt, ...shown }));
    return;
  }
  const counts = `${eventCount} events${rejections.length > 0 ? `, ${rejections.length} rejected` : ''}`;
  printLine(
    `  ${position}  ${receivedAt}  ${kind}  ${route}  source ${sourceNumber}  ${counts}  ` +
      `${next - position} bytes`,
  );
  if (options.body) printLine(`    ${cellText(body.toString('utf8'))}`);
}

interface Summary {
  records: number;
  events: number;
  damaged: readonly Damage[];
  torn: Damage | null;
}

function printSummary(
  { partition }: Found,
  { records, events, damaged, torn }: Summary,
  options: InspectOptions,
): void {
  if (options.json) {
    printLine(JSON.stringify({ partition, records, events, damaged, tornTail: torn }));
    return;
  }
  printLine(`  ${records} records, ${events} events, ${damaged.length} damaged ranges`);
  if (torn) printLine(`  unfinished tail: ${torn.from} to ${torn.to}, never acknowledged`);
  for (const { from, to, reason } of damaged) printNote(`  damaged: ${from} to ${to} (${reason})`);
}
