/**
 * Publishes events to NATS JetStream. Each is acknowledged by its stream, which knows it by its
 * `Nats-Msg-Id` and stores it once (docs/destinations/nats.md).
 */
import type { DestinationType } from '../destination-contract.ts';
import { NATS_FIELDS, parseNatsSettings } from './nats-settings.ts';
import type { NatsSettings } from './nats-settings.ts';

export const nats: DestinationType = {
  name: 'nats',
  title: 'NATS JetStream',
  integrationNames: ['NATS'],
  class: 'stream',
  order: 'user',
  defaults: {
    batchEvents: 500,
    batchBytes: 4_000_000,
    batchAgeMs: 100,
    concurrency: 4,
    timeoutMs: 30_000,
  },
  fields: NATS_FIELDS,
  parseSettings: parseNatsSettings,
  async open(settings, { net }) {
    // Loaded at first use, as other large libraries are.
    const { openNats } = await import('./nats-destination.ts');
    return openNats(settings as NatsSettings, net);
  },
};
