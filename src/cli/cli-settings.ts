/** The options that several commands share, and the configuration they lead to. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { systemDisk } from '../base/disk.ts';
import { loadConfig } from '../config/load-config.ts';
import type { ConfigInputs } from '../config/load-config.ts';
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

/**
 * All of it, for the server.
 * @throws MillraceError CONFIG_INVALID
 */
export async function serverConfigOf(
  options: DataOptions,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<Config> {
  const { config } = await loadConfig({ ...inputsOf(options, overrides), destinations: 'read' });
  return config;
}

/**
 * Without the declared destinations: whoever asks the server a question need not have their
 * secrets in the environment.
 * @throws MillraceError CONFIG_INVALID
 */
export async function configOf(options: DataOptions): Promise<Config> {
  const { config } = await loadConfig({ ...inputsOf(options, {}), destinations: 'left out' });
  return config;
}

function inputsOf(
  options: DataOptions,
  overrides: Readonly<Record<string, unknown>>,
): Omit<ConfigInputs, 'destinations'> {
  return {
    disk: systemDisk,
    env: process.env,
    file: options.config,
    overrides: { dataDir: options.dataDir, ...overrides },
  };
}

export function dataFolderOf(config: Config): string {
  return resolve(config.dataDir);
}
