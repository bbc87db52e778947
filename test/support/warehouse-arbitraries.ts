/** Events for properties over warehouse tables: few names, so that they meet, and odd ones. */
import fc from 'fast-check';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { EVENT_TYPES } from '../../src/events/routes.ts';
import { deliveryEvent } from './warehouse-delivery.ts';

const NAMES = `orderId order_id price name id userId groupId select xmin 注文 🚀 a constructor uuid
  __proto__ context_a received_at category ${'n'.repeat(130)} ${'m'.repeat(1_001)}`.split(/\s+/);

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('Order ID', '', ' ', 'a\0', '\ud800', ...NAMES) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
);
const leaf = fc.oneof(
  fc.constantFrom('x', 'u1', '', '\0', '\udc00', '2026-01-02T03:04:05Z', '2026-02-30T00:00:00Z'),
  fc.constantFrom(1, 1.5, 2 ** 53 + 2, 2 ** 63, -0, 5e-324, true, false, null),
  fc.array(fc.constantFrom(1, 'a\0', null, { 'b\ud800': '\0' }), { maxLength: 3 }),
);
const { document } = fc.letrec<{ document: Record<string, unknown> }>((tie) => ({
  document: fc.dictionary(
    name,
    fc.oneof({ maxDepth: 3, depthIdentifier: 'document' }, leaf, tie('document')),
    { maxKeys: 6, depthIdentifier: 'document' },
  ),
}));

/** In log order, of one source. */
export const arrayOfEvents: fc.Arbitrary<DeliveryEvent[]> = fc
  .array(
    fc.record({
      type: fc.constantFrom(...EVENT_TYPES),
      event: fc.constantFrom('Order Completed', 'order_completed', '注文', 'Users', '', '\ud800'),
      properties: document,
      traits: document,
      context: document,
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((parts) =>
    parts.map(({ type, ...message }, at) => deliveryEvent({ position: at + 1, type, message })),
  );
