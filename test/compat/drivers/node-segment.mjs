/** Drives @segment/analytics-node (3.x, or 2.x by the name in MILLRACE_SDK). */
import { readScenario, sendSix, sendTracks } from './scenario.mjs';

const { Analytics } = await import(process.env.MILLRACE_SDK ?? '@segment/analytics-node');
const asked = readScenario();
const { host, writeKey, scenario } = asked;
const analytics = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 200, maxRetries: 8 });
analytics.on('error', () => undefined);

if (scenario === 'six') {
  sendSix(analytics);
} else if (scenario !== 'refused') {
  await sendTracks(analytics, asked);
} else {
  analytics.track({ userId: 'u1', event: 'Large', properties: { text: 'x'.repeat(4000) } });
  await analytics.flush();
  analytics.track({ userId: 'u1', event: 'Small' });
}
await analytics.closeAndFlush({ timeout: 60_000 });
