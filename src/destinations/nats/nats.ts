/**
 * Publishes events to NATS JetStream. Each is acknowledged by its stream, which knows it by its
 * `Nats-Msg-Id` and stores it once (docs/destinations/nats.md).
 */
import type { Destination, DestinationContext, DestinationType } from '../destination-contract.ts';
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
  open: (settings, context) => openNats(settings as NatsSettings, context),
};

async function openNats(settings: NatsSettings, { net }: DestinationContext): Promise<Destination> {
  // Loaded at first use, as other large libraries are.
  const { openPublisher } = await import('./nats-publisher.ts');
  return openPublisher(settings, net);
}
