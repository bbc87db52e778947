/** Drives @rudderstack/rudder-sdk-node, whose protocol is Segment's. */
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { readScenario, sendSix, sendTracks } from './scenario.mjs';

// The flushes that it starts by itself reject without a handler when the server is away.
process.on('unhandledRejection', () => undefined);

const asked = readScenario();
const { host, writeKey, scenario } = asked;
const analytics = new RudderAnalytics(writeKey, {
  dataPlaneUrl: host,
  flushAt: 20,
  flushInterval: 200,
  gzip: true,
});

/** After a failure its next flush only reports it again, or never ends; the one after that sends. */
function flush() {
  const pause = new Promise((resolve) => setTimeout(resolve, 1_500));
  return Promise.race([analytics.flush().catch(() => undefined), pause]);
}

if (scenario === 'six') {
  sendSix(analytics);
} else if (scenario === 'paced') {
  await sendTracks(analytics, asked, (n) => (n % 20 === 19 ? flush() : undefined));
  for (let n = 0; n < 10; n++) await flush();
} else if (scenario !== 'refused') {
  await sendTracks(analytics, asked, (n) => (n % 20 === 19 ? analytics.flush() : undefined));
} else {
  analytics.track({ userId: 'u1', event: 'Large', properties: { text: 'x'.repeat(4000) } });
  await flush();
  analytics.track({ userId: 'u1', event: 'Small' });
  await flush();
  await flush();
}
await (['refused', 'paced'].includes(scenario) ? flush() : analytics.flush());
