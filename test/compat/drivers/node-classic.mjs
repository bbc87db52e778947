/** Drives analytics-node 6, the classic SDK. */
import Analytics from 'analytics-node';
import { readScenario, sendSix, sendTracks } from './scenario.mjs';

// The flushes that it starts by itself reject without a handler when a request is refused.
process.on('unhandledRejection', () => undefined);

const asked = readScenario();
const { host, writeKey, scenario } = asked;
const analytics = new Analytics(writeKey, { host, flushAt: 20, flushInterval: 200, retryCount: 6 });

function flush() {
  return new Promise((resolve) => analytics.flush(() => resolve()));
}

if (scenario === 'six') {
  sendSix(analytics);
} else if (scenario !== 'refused') {
  // Its queue starts a request at every 20th event; a pause lets them go one after another.
  await sendTracks(analytics, asked, (n) =>
    n % 20 === 19 ? flush().catch(() => undefined) : undefined,
  );
} else {
  analytics.track({ userId: 'u1', event: 'Large', properties: { text: 'x'.repeat(4000) } });
  await flush().catch(() => undefined);
  analytics.track({ userId: 'u1', event: 'Small' });
}
await flush().catch(() => undefined);
