/** `millrace verify`: recomputes conservation from the files. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemDisk } from '../base/disk.ts';
import type { WholeReport } from '../operate/verify/verify-shapes.ts';
import { listDestinationPlaces } from '../store/destinations/destinations.ts';
import { listSourcesEver } from '../store/sources/sources.ts';
import { EXIT } from './command-failures.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, printNote, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

export function addVerifyCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('verify')))
    .description('recount log, lake and deliveries; exit code 1 when an event is unaccounted for')
    .action(verify);
}

async function verify(options: DataOptions): Promise<void> {
  const config = await configOf(options);
  const dataFolder = dataFolderOf(config);
  const sources = await withStore(config, listSourcesEver);
  const regions = [...new Set([...Object.keys(config.regions), ...sources.map((s) => s.region)])];
  if (!(await systemDisk.exists(join(dataFolder, 'lake.db')))) {
    printLine('Nothing was received yet.');
    return;
  }
  const destinations = await withStore(config, listDestinationPlaces);
  // Loaded here, because the SQL engine takes its time.
  const { verifyEverything } = await import('../operate/verify/verify-everything.ts');
  const what = { dataFolder, regions, sources, destinations };
  const report = await verifyEverything(what, (share) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${Math.round(share * 100)} % `);
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  if (options.json) printJson(report);
  else printReport(report);
  if (!report.isConserved) process.exitCode = EXIT.failed;
}

function printReport(report: WholeReport): void {
  const { isConserved, problems, destinations, ...counts } = report;
  printLine(tableText(['count', 'events'], Object.entries(counts)));
  const heads = ['destination', 'stored', 'delivered', 'filtered', 'dead', 'discarded', 'pending'];
  const rows = destinations.map((one) => {
    const filtered = Object.values(one.filtered).reduce((sum, count) => sum + count, 0);
    const dead = one.dead + one.expired;
    return [one.slug, one.stored, one.delivered, filtered, dead, one.discarded, one.pending];
  });
  if (rows.length > 0) printLine(`\n${tableText(heads, rows)}`);
  const all = [
    ...problems,
    ...destinations.flatMap((one) => one.problems.map((problem) => `${one.slug}: ${problem}`)),
  ];
  for (const problem of all) printNote(`✗ ${problem}`);
  const isWhole = isConserved && all.length === 0;
  printLine(isWhole ? 'Every event is accounted for.' : `${all.length} problems found.`);
}
