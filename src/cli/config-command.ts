/** `millrace config`: checks the configuration, and prints it with secrets masked. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { maskedConfig } from '../config/masked-config.ts';
import { printJson, printLine } from './output.ts';
import { serverConfigOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';

export function addConfigCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('config')))
    .description('check the configuration')
    .option('--print', 'print the effective configuration, secrets masked')
    .action(async (options: DataOptions & { print?: boolean }) => {
      const masked = maskedConfig(await serverConfigOf(options));
      if (options.json) printJson(masked);
      else printLine(options.print ? stringify(masked).trimEnd() : 'The configuration is valid.');
    });
}
