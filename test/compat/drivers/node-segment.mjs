/** Drives @segment/analytics-node (3.x, or 2.x by the name in MILLRACE_SDK). */
import { readScenario } from './scenario.mjs';

const { Analytics } = await import(process.env.MILLRACE_SDK ?? '@segment/analytics-node');
const { host, writeKey, scenario, count } = readScenario();
const analytics = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 200, maxRetries: 8 });
analytics.on('error', () => undefined);

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
  }
} else {
  analytics.track({ userId: 'u1', event: 'Large', properties: { text: 'x'.repeat(4000) } });
  await analytics.flush();
  analytics.track({ userId: 'u1', event: 'Small' });
}
await analytics.closeAndFlush({ timeout: 60_000 });
