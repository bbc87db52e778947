/** Drives @rudderstack/rudder-sdk-node, whose protocol is Segment's. */
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { readScenario } from './scenario.mjs';

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
  analytics.identify({ userId: 'u1', traits: { plan: 'pro' } });
  analytics.track({ userId: 'u1', event: 'Order Completed', properties: { total: 9.5 } });
  analytics.page({ userId: 'u1', name: 'Home', properties: { path: '/' } });
  analytics.screen({ userId: 'u1', name: 'Start' });
  analytics.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } });
  analytics.alias({ userId: 'u1', previousId: 'a1' });
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
