/** Events as SDKs send them, all different, about 400 bytes each. */
import { randomUUID } from 'node:crypto';

export function trackEvent(n: number): Record<string, unknown> {
  return {
    type: 'track',
    userId: `user-${n % 5_000}`,
    event: ['Order Completed', 'Product Viewed', 'Cart Updated', 'Signed Up'][n % 4],
    messageId: `node-next-${Date.now()}-${randomUUID()}`,
    timestamp: new Date().toISOString(),
    properties: {
      orderId: `o-${n}`,
      total: (n % 1000) / 10,
      currency: 'EUR',
      items: [{ sku: `s-${n % 100}`, quantity: 1 + (n % 3) }],
    },
    context: { library: { name: '@segment/analytics-node', version: '3.1.0' }, ip: '203.0.113.7' },
    integrations: {},
  };
}

export function batchBody(first: number, count: number): string {
  return JSON.stringify({
    batch: Array.from({ length: count }, (_, at) => trackEvent(first + at)),
    sentAt: new Date().toISOString(),
  });
}
