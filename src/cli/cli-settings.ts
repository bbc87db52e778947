/** The options that several commands share, and the configuration they lead to. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { systemDisk } from '../base/disk.ts';
import { loadConfig } from '../config/load-config.ts';
import type { Config } from '../config/config-schema.ts';

export interface DataOptions {
  config?: string;
  dataDir?: string;
  json?: boolean;
}

/** Adds `--config` and `--data-dir`. */
export function withDataOptions(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file (default: millrace.yaml, if there is one)')
    .option('--data-dir <folder>', 'folder of all data (default: ./data)');
}

/** Adds `--json`. */
export function withJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON, for machines');
}

/** @throws MillraceError CONFIG_INVALID */
export async function configOf(
  options: DataOptions,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Config> {
  const { config } = await loadConfig({
    disk: systemDisk,
    env: process.env,
    file: options.config,
    overrides: { dataDir: options.dataDir, ...overrides },
  });
  return config;
}

export function dataFolderOf(config: Config): string {
  return resolve(config.dataDir);
}
