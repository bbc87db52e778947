/** PostgreSQL as a kind of destination; what an open one does is in `postgres-destination.ts`. */
import type { DestinationType } from '../destination-contract.ts';
import { parsePostgresSettings, postgresSettings } from './postgres-settings.ts';
import type { PostgresSettings } from './postgres-settings.ts';

export const postgres: DestinationType = {
  name: 'postgres',
  title: 'PostgreSQL',
  integrationNames: ['Postgres', 'PostgreSQL'],
  class: 'warehouse',
  order: 'log',
  defaults: {
    batchEvents: 10_000,
    batchBytes: 16 * 2 ** 20,
    batchAgeMs: 5_000,
    concurrency: 1,
    timeoutMs: 120_000,
  },
  fields: postgresSettings.fields,
  parseSettings: parsePostgresSettings,
  async open(settings, context) {
    // Loaded at first use: the driver is large.
    const { openPostgres } = await import('./postgres-destination.ts');
    return openPostgres(settings as PostgresSettings, context);
  },
};
