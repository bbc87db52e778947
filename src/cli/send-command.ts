/** `millrace send`: one event from options, or many from a file or standard input. */
import { createReadStream, promises as files } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import { systemDisk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import { EVENT_TYPES } from '../events/routes.ts';
import { readServerFile } from '../serve/server-file.ts';
import { EXIT } from './command-failures.ts';
import { printJson, printLine, printNote } from './output.ts';
import { createProgress } from './progress.ts';
import { sendBatch } from './sender.ts';
import type { Outgoing, RefusedEvent, SenderOptions } from './sender.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

interface SendOptions extends DataOptions {
  writeKey: string;
  url?: string;
  type: string;
  event?: string;
  user?: string;
  anonymous?: string;
  properties?: string;
  traits?: string;
  group?: string;
  previous?: string;
  batchSize: string;
  concurrency: string;
  attempts: string;
}

const DEFAULT_URL = 'http://localhost:8080';
const BATCH_BYTES_MAX = 450_000;
const REFUSED_SHOWN_MAX = 20;

export function addSendCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('send')))
    .description('send one event (options), or a file of them (NDJSON, - for standard input)')
    .argument('[file]', 'one event as JSON on each line')
    .addOption(
      new Option('--write-key <key>', 'write key of the source')
        .env('MILLRACE_WRITE_KEY')
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--url <url>', 'collector (default: the one that runs on the data folder)').env(
        'MILLRACE_URL',
      ),
    )
    .addOption(
      new Option('--type <type>', 'type of the event').choices(EVENT_TYPES).default('track'),
    )
    .option('--event <name>', 'name of a track event')
    .option('--user <id>', 'userId')
    .option('--anonymous <id>', 'anonymousId')
    .option('--group <id>', 'groupId')
    .option('--previous <id>', 'previousId, of an alias')
    .option('--properties <json>', 'properties')
    .option('--traits <json>', 'traits')
    .option('--batch-size <events>', 'events per request', '100')
    .option('--concurrency <requests>', 'requests at a time', '4')
    .option('--attempts <count>', 'how often a request is tried', '8')
    .action(send);
}

async function send(file: string | undefined, options: SendOptions): Promise<void> {
  const sender: SenderOptions = {
    url: (options.url ?? (await runningUrl(options)) ?? DEFAULT_URL).replace(/\/$/, ''),
    writeKey: options.writeKey,
    batchEventsMax: count(options.batchSize, '--batch-size'),
    batchBytesMax: BATCH_BYTES_MAX,
    attemptsMax: count(options.attempts, '--attempts'),
    clock: systemClock,
    random: systemRandom,
  };
  const refused: RefusedEvent[] = [];
  const input = file === undefined ? null : await openInput(file);
  const events = input === null ? [single(options)] : readLines(input.stream, refused);
  const concurrency = count(options.concurrency, '--concurrency');
  const accepted = await sendAll(sender, events, concurrency, refused, () => input?.share());
  if (options.json) printJson({ accepted, refused });
  else {
    printLine(`${accepted} accepted, ${refused.length} refused`);
    for (const { line, message } of refused.slice(0, REFUSED_SHOWN_MAX)) {
      printNote(`line ${line}: ${message}`);
    }
  }
  if (refused.length > 0) process.exitCode = EXIT.failed;
}

/** Keeps a bounded number of requests on their way, and reads no further than they need. */
async function sendAll(
  sender: SenderOptions,
  events: AsyncIterable<Outgoing> | Iterable<Outgoing>,
  concurrency: number,
  refused: RefusedEvent[],
  share: () => number | undefined,
): Promise<number> {
  const progress = createProgress(process.stderr, sender.clock);
  const running = new Set<Promise<void>>();
  let accepted = 0;
  let failure: unknown;
  const start = async (batch: Outgoing[]): Promise<void> => {
    while (running.size >= concurrency) await Promise.race(running);
    if (failure !== undefined) throw failure;
    const job: Promise<void> = sendBatch(sender, batch)
      .then((outcome) => {
        accepted += outcome.accepted;
        refused.push(...outcome.refused);
        progress.show(accepted, refused.length, share());
      })
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => running.delete(job));
    running.add(job);
  };
  let batch: Outgoing[] = [];
  let bytes = 0;
  for await (const outgoing of events) {
    const size = JSON.stringify(outgoing.event).length + 1;
    if (batch.length >= sender.batchEventsMax || bytes + size > sender.batchBytesMax) {
      await start(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(outgoing);
    bytes += size;
  }
  if (batch.length > 0) await start(batch);
  await Promise.all(running);
  progress.end();
  if (failure !== undefined) throw failure;
  return accepted;
}

interface Input {
  stream: NodeJS.ReadableStream;
  /** How much of it is read; undefined for a stream without a known end. */
  share(): number | undefined;
}

async function openInput(file: string): Promise<Input> {
  if (file === '-') return { stream: process.stdin, share: () => undefined };
  const { size } = await files.stat(file).catch((error: unknown): never => {
    const message = `Cannot read ${file}: ${toError(error).message}`;
    throw new MillraceError('NOT_FOUND', message, { cause: error, field: 'file' });
  });
  const stream = createReadStream(file);
  return { stream, share: () => (size === 0 ? 1 : stream.bytesRead / size) };
}

async function* readLines(
  input: NodeJS.ReadableStream,
  refused: RefusedEvent[],
): AsyncGenerator<Outgoing> {
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    line++;
    if (text.trim() === '') continue;
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      refused.push({ line, message: 'not JSON' });
      continue;
    }
    yield { event: withMessageId(event), line };
  }
}

function single(options: SendOptions): Outgoing {
  const event = {
    type: options.type,
    event: options.event,
    userId: options.user,
    anonymousId: options.anonymous,
    groupId: options.group,
    previousId: options.previous,
    properties: jsonOption(options.properties, '--properties'),
    traits: jsonOption(options.traits, '--traits'),
    timestamp: new Date(systemClock.wallMs()).toISOString(),
  };
  return { event: withMessageId(event), line: 1 };
}

/** Settled before the first attempt, so that a retry is recognised. */
function withMessageId(event: unknown): unknown {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return event;
  return { messageId: `cli-${systemRandom.uuid()}`, ...event };
}

function jsonOption(text: string | undefined, option: string): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = `${option}: not JSON`;
    throw new MillraceError('INVALID_ARGUMENT', message, { cause: error, field: option });
  }
}

function count(text: string, option: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  const message = `${option}: ${text} is not allowed (allowed: a whole number from 1)`;
  throw new MillraceError('INVALID_ARGUMENT', message, { field: option });
}

async function runningUrl(options: DataOptions): Promise<string | undefined> {
  const server = await readServerFile(systemDisk, dataFolderOf(await configOf(options)));
  return server?.collectorUrl;
}
