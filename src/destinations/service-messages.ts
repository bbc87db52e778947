/** Messages that Millrace itself makes, in the shape of events, for services that take events. */
import { VERSION } from '../base/version.ts';
import type { DestinationContext } from './destination-contract.ts';
import type { JsonObject } from '../events/json.ts';

type Made = Pick<DestinationContext, 'clock' | 'random'>;

/** What `test()` sends. It asks the receiver not to pass it on. */
export function testMessage(made: Made): JsonObject {
  return {
    ...commonFields(made, 'millrace-test'),
    type: 'track',
    event: 'Millrace Test',
    anonymousId: 'millrace-test',
    properties: {},
    integrations: { All: false },
  };
}

/** Segment's shape for "forget this user". */
export function deleteMessage(made: Made, userId: string): JsonObject {
  return { ...commonFields(made, 'delete'), type: 'delete', userId, integrations: {} };
}

function commonFields({ clock, random }: Made, prefix: string): JsonObject {
  const now = new Date(clock.wallMs()).toISOString();
  return {
    messageId: `${prefix}-${random.uuid()}`,
    channel: 'server',
    context: { library: { name: 'millrace', version: VERSION } },
    originalTimestamp: now,
    timestamp: now,
    sentAt: now,
    receivedAt: now,
    version: 2,
  };
}
