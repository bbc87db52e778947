/**
 * The whole configuration: one strict schema per component, put together. A value comes from the
 * command line, else the environment, else millrace.yaml, else its default here.
 */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { text } from './fields.ts';
import { deliverSchema, destinationsSchema, secretsSchema } from './deliver-schema.ts';
import { alertsSchema, canarySchema, historySchema } from './history-schema.ts';
import { limitsSchema } from './limits-schema.ts';
import {
  adminSchema,
  collectorSchema,
  corsSchema,
  loggingSchema,
  sdkSchema,
  tlsSchema,
} from './listener-schema.ts';
import { netSchema } from './net-schema.ts';
import { oidcSchema } from './oidc-schema.ts';
import { regionsSchema, sourcesSchema } from './source-schema.ts';
import { dispatchSchema, lakeSchema, logSchema, sqlSchema, storeSchema } from './storage-schema.ts';

export const configSchema = z.strictObject({
  dataDir: text(/^[^\0]{1,4096}$/, {
    allowed: 'path of a folder',
    description: 'Folder of all data; relative to the folder Millrace is started in.',
  }).default('./data'),
  workspace: z
    .strictObject({
      name: text(/^[^\p{Cc}]{1,200}$/u, {
        allowed: 'text, 1 to 200 characters',
        description: 'Name of the workspace that the first start creates.',
      }).default('default'),
    })
    .prefault({}),
  store: storeSchema.prefault({}),
  collector: collectorSchema.prefault({}),
  admin: adminSchema.prefault({}),
  oidc: oidcSchema,
  tls: tlsSchema,
  limits: limitsSchema.prefault({}),
  log: logSchema.prefault({}),
  dispatch: dispatchSchema.prefault({}),
  lake: lakeSchema.prefault({}),
  sql: sqlSchema.prefault({}),
  deliver: deliverSchema.prefault({}),
  net: netSchema.prefault({}),
  regions: regionsSchema,
  cors: corsSchema.prefault({}),
  sdk: sdkSchema.prefault({}),
  secrets: secretsSchema.prefault({}),
  history: historySchema.prefault({}),
  alerts: alertsSchema.prefault({}),
  canary: canarySchema.prefault({}),
  sources: sourcesSchema,
  destinations: destinationsSchema,
  logging: loggingSchema.prefault({}),
});

type Parsed = z.output<typeof configSchema>;
type Present<T> = { [Key in keyof T]-?: Exclude<T[Key], undefined> };

/** A source as declared, with its region settled. */
export type DeclaredSource = Omit<Parsed['sources'][number], 'region'> & { region: string };

/** A destination as declared, with its region settled. */
export type DeclaredDestination = Omit<Parsed['destinations'][number], 'region'> & {
  region: string;
};

/** The effective configuration. */
export type Config = Omit<Parsed, 'limits' | 'sources' | 'destinations'> & {
  limits: Present<Parsed['limits']>;
  sources: DeclaredSource[];
  destinations: DeclaredDestination[];
};

/** Settles the values whose default is another value. */
export function settleConfig(parsed: Parsed): Config {
  const firstRegion = Object.keys(parsed.regions)[0] ?? 'us';
  const { limits, sources, destinations } = parsed;
  return {
    ...parsed,
    limits: { ...limits, burst: limits.burst ?? limits.requestsPerSecond },
    sources: sources.map((source) => ({ ...source, region: source.region ?? firstRegion })),
    destinations: destinations.map((destination) => ({
      ...destination,
      region: destination.region ?? firstRegion,
    })),
  };
}

/** Where several threads can listen on one port (SO_REUSEPORT that balances). */
const SHARES_PORTS = new Set(['linux', 'freebsd', 'sunos', 'aix']);

/**
 * The number of collector threads on a machine with so many cores.
 * @throws MillraceError CONFIG_INVALID when the system cannot give several threads one port.
 */
export function collectorThreads(
  threads: Config['collector']['threads'],
  cores: number,
  platform: string,
): number {
  const canShare = SHARES_PORTS.has(platform);
  if (threads === 'auto') return canShare ? Math.max(1, Math.floor(cores / 2)) : 1;
  if (threads > 1 && !canShare) {
    const message = 'collector.threads: this system cannot share a port (allowed: 1, auto)';
    throw new MillraceError('CONFIG_INVALID', message, { field: 'collector.threads' });
  }
  return threads;
}
