/** Drives @rudderstack/rudder-sdk-node, whose protocol is Segment's. */
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { readScenario, sendSix } from './scenario.mjs';

const { host, writeKey, scenario, count } = readScenario();
const analytics = new RudderAnalytics(writeKey, {
  dataPlaneUrl: host,
  flushAt: 20,
  flushInterval: 200,
  gzip: true,
});

/** After a refusal its next flush only reports it again; the one after that sends. */
function flush() {
  const pause = new Promise((resolve) => setTimeout(resolve, 1_500));
  return Promise.race([analytics.flush().catch(() => undefined), pause]);
}

if (scenario === 'six') {
  sendSix(analytics);
} else if (scenario === 'many') {
  for (let n = 0; n < count; n++) {
    analytics.track({ userId: 'u1', event: 'Numbered', properties: { n } });
    if (n % 20 === 19) await analytics.flush();
  }
} else {
  analytics.track({ userId: 'u1', event: 'Large', properties: { text: 'x'.repeat(4000) } });
  await flush();
  analytics.track({ userId: 'u1', event: 'Small' });
  await flush();
  await flush();
}
await (scenario === 'refused' ? flush() : analytics.flush());
