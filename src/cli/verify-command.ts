/** `millrace verify`: recomputes conservation from the files. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemDisk } from '../base/disk.ts';
import { verifyConservation } from '../lake/verify.ts';
import type { VerifyReport } from '../lake/verify.ts';
import { listPartitions } from '../serve/partitions.ts';
import { listSources } from '../store/sources.ts';
import { EXIT } from './failures.ts';
import { withStore } from './open-control.ts';
import { printJson, printLine, printNote, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './settings.ts';
import type { DataOptions } from './settings.ts';

export function addVerifyCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('verify')))
    .description('recount log and lake; exit code 1 when an event is unaccounted for')
    .action(verify);
}

async function verify(options: DataOptions): Promise<void> {
  const config = await configOf(options);
  const dataFolder = dataFolderOf(config);
  const sources = await withStore(config, listSources);
  const regions = [...new Set([...Object.keys(config.regions), ...sources.map((s) => s.region)])];
  if (!(await systemDisk.exists(join(dataFolder, 'lake.db')))) {
    printLine('Nothing was received yet.');
    return;
  }
  const report = await verifyConservation({
    disk: systemDisk,
    dataFolder,
    partitions: await listPartitions(systemDisk, dataFolder, regions, 0),
    sources,
    onProgress(share) {
      if (process.stderr.isTTY) process.stderr.write(`\r${Math.round(share * 100)} % `);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  if (options.json) printJson(report);
  else printReport(report);
  if (!report.isConserved) process.exitCode = EXIT.failed;
}

function printReport(report: VerifyReport): void {
  const { isConserved, problems, ...counts } = report;
  printLine(tableText(['count', 'events'], Object.entries(counts)));
  for (const problem of problems) printNote(`✗ ${problem}`);
  printLine(isConserved ? 'Every event is accounted for.' : `${problems.length} problems found.`);
}
