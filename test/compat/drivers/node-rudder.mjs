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
  await analytics.flush().catch(() => undefined);
  analytics.track({ userId: 'u1', event: 'Small' });
}
await analytics.flush().catch(() => undefined);
