/** Drives @segment/analytics-node (3.x, or 2.x by the name in MILLRACE_SDK). */
import { readScenario, sendSix } from './scenario.mjs';

const { Analytics } = await import(process.env.MILLRACE_SDK ?? '@segment/analytics-node');
const { host, writeKey, scenario, count } = readScenario();
const analytics = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 200, maxRetries: 8 });
analytics.on('error', () => undefined);

if (scenario === 'six') {
  sendSix(analytics);
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
