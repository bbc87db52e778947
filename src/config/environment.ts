/** Environment variables as configuration values: `MILLRACE_COLLECTOR_PORT=9000`. */
import { didYouMean } from './did-you-mean.ts';
import { fieldsOf } from './field-tree.ts';
import type { Field } from './field-tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file; read before the schema applies. */
export const CONFIG_FILE_VARIABLE = 'MILLRACE_CONFIG';
/** Variables of the command line's client commands and of the tests, which are not settings. */
const OTHER_VARIABLES = /^MILLRACE_(CONFIG|URL|ADMIN_URL|WRITE_KEY|ADMIN_TOKEN|TEST_\w+)$/;
/** Kubernetes sets these in every pod beside a service whose name begins with `millrace`. */
const SERVICE_LINK = /^MILLRACE_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$/;
const SERVICE_LINK_URL = /^(tcp|udp|sctp):\/\//;

export interface GivenValue {
  path: readonly string[];
  value: unknown;
  /** Where it was given, as messages say it. */
  origin: string;
}

/** The values that variables give, and a problem for each variable that no field has. */
export function readEnvironment(environment: Environment): {
  values: GivenValue[];
  problems: string[];
} {
  const fields = new Map(fieldsOf().map((field) => [field.env, field]));
  const values: GivenValue[] = [];
  const problems: string[] = [];
  for (const [name, written] of Object.entries(environment)) {
    // An empty variable is how compose files and shells unset one.
    if (!name.startsWith('MILLRACE_') || written === undefined || written === '') continue;
    const field = fields.get(name);
    if (isServiceLink(name, written, field)) continue;
    if (field) {
      values.push({ path: field.path, value: parseWritten(field, written), origin: name });
    } else if (!OTHER_VARIABLES.test(name)) {
      const near = didYouMean(name, [...fields.keys()]);
      problems.push(`${name}: unknown variable${near ? `; did you mean ${near}?` : ''}`);
    }
  }
  return { values, problems };
}

/** Values of the command line by dotted path; text is read as in a variable. */
export function readOverrides(overrides: Readonly<Record<string, unknown>>): {
  values: GivenValue[];
  problems: string[];
} {
  const fields = new Map(fieldsOf().map((field) => [field.path.join('.'), field]));
  const values: GivenValue[] = [];
  const problems: string[] = [];
  for (const [path, given] of Object.entries(overrides)) {
    if (given === undefined) continue;
    const field = fields.get(path);
    if (!field) {
      problems.push(`${path}: unknown key on the command line`);
      continue;
    }
    const value = typeof given === 'string' ? parseWritten(field, given) : given;
    values.push({ path: field.path, value, origin: 'the command line' });
  }
  return { values, problems };
}

function isServiceLink(name: string, written: string, field: Field | undefined): boolean {
  return field ? SERVICE_LINK_URL.test(written) : SERVICE_LINK.test(name);
}

/** What cannot be read stays text, so that the schema refuses it with the allowed values. */
function parseWritten({ kind, isNullable }: Field, written: string): unknown {
  if (isNullable && written === 'null') return null;
  if (kind === 'integer') return /^-?\d{1,16}$/.test(written) ? Number(written) : written;
  if (kind === 'json' || (kind === 'list' && written.startsWith('['))) return parseJson(written);
  if (kind === 'list' && written !== '*') return written.split(',').map((item) => item.trim());
  return written;
}

function parseJson(written: string): unknown {
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}
