/** `millrace trace <messageId>`: one event, end to end. */
import type { Command } from 'commander';
import type { DestinationTrace } from '../deliver/trace-shapes.ts';
import type { MessageTrace } from '../operate/trace/trace-shapes.ts';
import { connectAdmin } from './admin-client.ts';
import { EXIT } from './command-failures.ts';
import { cellText, printJson, printLine } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

/** Of a repair: what was sent may be long. */
const SENTENCE_CHARS_MAX = 1000;

/** Adds the command; it asks the running server. */
export function addTraceCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('trace')))
    .description('what became of an event: verdict, rules, attempts, rows')
    .argument('<messageId>')
    .action(trace);
}

async function trace(messageId: string, options: DataOptions): Promise<void> {
  const client = await connectAdmin(dataFolderOf(await configOf(options)));
  const response = await client.request(`/admin/trace/${encodeURIComponent(messageId)}`);
  const found = (await response.json()) as MessageTrace;
  if (found.copies.length === 0) process.exitCode = EXIT.failed;
  if (options.json) return printJson(found);
  if (found.copies.length === 0) return printLine(`No event has the messageId ${messageId}.`);
  for (const copy of found.copies) {
    printLine(`${copy.verdict}  ${copy.type ?? ''} ${cellText(copy.event ?? '')}`);
    printLine(`  received   ${copy.receivedAt} by ${copy.source}`);
    const { partition, position, index } = copy;
    printLine(`  log        ${partition} at ${position}, item ${index}`);
    if (copy.reason !== null) printLine(`  rejected   ${copy.reason}`);
    for (const { words } of copy.repairs)
      printLine(`  repaired   ${cellText(words, SENTENCE_CHARS_MAX)}`);
    printLine(`  lake       ${copy.lake}`);
    if (copy.warehouse !== null) printLine(`  warehouse  ${cellText(copy.warehouse)}`);
    for (const destination of copy.destinations) printDestination(destination);
  }
}

function printDestination(found: DestinationTrace): void {
  const standing = `${found.standing} ${cellText(found.detail)}`.trimEnd();
  printLine(`  ${found.slug} (${found.type}): ${standing}`);
  for (const { rule, reason, detail } of found.rules) {
    const said = reason === null ? 'passes' : `refused: ${reason} ${cellText(detail)}`;
    printLine(`    rule     ${rule}: ${said}`);
  }
  for (const { at, outcome, status, elapsedMs, reason, message, stream } of found.attempts) {
    const why = reason === null ? '' : ` ${reason}: ${cellText(message)}`;
    const where = stream === 'live' ? '' : ` (${stream})`;
    printLine(`    attempt  ${at} ${outcome} ${status ?? ''} in ${elapsedMs} ms${why}${where}`);
  }
}
