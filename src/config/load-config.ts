/**
 * Loads the configuration: command line over environment over file over defaults. Anything that
 * is not understood stops the start, with every problem listed at once; nothing is ignored.
 */
import { LineCounter, parseDocument } from 'yaml';
import type { Disk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import { crossCheck } from './cross-check.ts';
import { CONFIG_FILE_VARIABLE, readEnvironment, readOverrides } from './environment.ts';
import type { Environment, GivenValue } from './environment.ts';
import { isSectionAt } from './field-tree.ts';
import { interpolateSettings } from './interpolate.ts';
import { problemsOf } from './problems.ts';
import { configSchema, settleConfig } from './config-schema.ts';
import type { Config } from './config-schema.ts';

export interface ConfigInputs {
  disk: Disk;
  env: Environment;
  /** Path given on the command line; else MILLRACE_CONFIG, else millrace.yaml if there is one. */
  file?: string | undefined;
  /** Values of the command line by dotted path, such as `{'collector.port': 9000}`. */
  overrides?: Readonly<Record<string, unknown>> | undefined;
  /** Left out, declared destinations are neither checked nor completed from the environment. */
  destinations?: 'read' | 'left out';
}

export interface LoadedConfig {
  config: Config;
  /** The file that was read, if any. */
  file: string | null;
}

const DEFAULT_FILE = 'millrace.yaml';
const FILE_BYTES_MAX = 16 * 2 ** 20;

/** @throws MillraceError CONFIG_INVALID, listing every problem. */
export async function loadConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  const { disk, env, overrides = {}, destinations } = inputs;
  const named = inputs.file ?? (env[CONFIG_FILE_VARIABLE] || undefined);
  const file = named ?? ((await disk.exists(DEFAULT_FILE)) ? DEFAULT_FILE : null);
  const written = file === null ? '' : await readText(disk, file);
  const given = { written, file: file ?? DEFAULT_FILE, env, overrides, destinations };
  return { config: parseConfig(given), file };
}

/**
 * Builds the configuration from the text of a file, variables and command-line values.
 * @throws MillraceError CONFIG_INVALID, listing every problem.
 */
export function parseConfig({
  written = '',
  file = DEFAULT_FILE,
  env = {},
  overrides = {},
  destinations = 'read',
}: {
  written?: string;
  file?: string;
  env?: Environment;
  overrides?: Readonly<Record<string, unknown>>;
  destinations?: ConfigInputs['destinations'];
} = {}): Config {
  const raw = parseYaml(written, file);
  const fromEnvironment = readEnvironment(env);
  const fromCommandLine = readOverrides(overrides);
  const given = [...fromEnvironment.values, ...fromCommandLine.values];
  for (const value of given) setGiven(raw, value);
  if (destinations === 'left out') delete raw['destinations'];
  const origins = new Map(given.map(({ path, origin }) => [path.join('.'), origin]));
  const problems = [
    ...fromEnvironment.problems,
    ...fromCommandLine.problems,
    ...interpolateSettings(raw, env),
  ];
  const result = configSchema.safeParse(raw);
  if (!result.success) problems.push(...problemsOf(result.error, raw, origins));
  else problems.push(...crossCheck(settleConfig(result.data)));
  if (problems.length > 0 || !result.success) throw invalid(file, problems);
  return settleConfig(result.data);
}

async function readText(disk: Disk, path: string): Promise<string> {
  try {
    const file = await disk.open(path, 'read');
    try {
      const size = await file.size();
      if (size > FILE_BYTES_MAX) throw new Error(`larger than ${FILE_BYTES_MAX} bytes`);
      const bytes = new Uint8Array(size);
      const count = await file.read(bytes, 0, size, 0);
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, count));
    } finally {
      await file.close();
    }
  } catch (error) {
    const message = `Cannot read the configuration ${path}: ${toError(error).message}`;
    throw new MillraceError('CONFIG_INVALID', message, { cause: error });
  }
}

function parseYaml(written: string, file: string): Record<string, unknown> {
  // Positions instead of yaml's own pretty messages: those quote the line, which may hold a key.
  const lineCounter = new LineCounter();
  const document = parseDocument(written, { prettyErrors: false, lineCounter });
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return `line ${line}, column ${col}: ${message}`;
    });
    throw invalid(file, problems);
  }
  let raw: unknown;
  try {
    raw = document.toJS() ?? {};
  } catch (error) {
    throw invalid(file, [toError(error).message]);
  }
  if (!isObject(raw)) throw invalid(file, ['the file must hold keys and values']);
  for (const [key, value] of Object.entries(raw)) {
    if (value === null && isSectionAt(key)) delete raw[key];
  }
  return raw;
}

function setGiven(raw: Record<string, unknown>, { path, value }: GivenValue): void {
  let target = raw;
  for (const key of path.slice(0, -1)) {
    const next = target[key];
    if (next === undefined || next === null) {
      const created: Record<string, unknown> = {};
      target[key] = created;
      target = created;
    } else if (isObject(next)) {
      target = next;
    } else {
      return; // The file has nonsense here; the schema will say so.
    }
  }
  target[path.at(-1) ?? ''] = value;
}

function invalid(file: string, problems: readonly string[]): MillraceError {
  const list = problems.map((problem) => `  ${problem}`).join('\n');
  const field = /^([\w.[\]]+): /.exec(problems[0] ?? '')?.[1];
  return new MillraceError(
    'CONFIG_INVALID',
    `The configuration (${file}, MILLRACE_ variables, command line) is invalid:\n${list}`,
    field === undefined ? {} : { field },
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
