/** Sends one event with @segment/analytics-node and OAuth: host, write key, client, key file. */
import { readFileSync } from 'node:fs';
import { Analytics } from '@segment/analytics-node';

const [host, writeKey, clientId, keyFile] = process.argv.slice(2);
const analytics = new Analytics({
  writeKey,
  host,
  maxRetries: 1,
  oauthSettings: {
    clientId,
    clientKey: readFileSync(keyFile, 'utf8'),
    keyId: 'k1',
    authServer: host,
  },
});
analytics.on('error', ({ reason }) => console.log(`reason: ${reason?.message ?? reason}`));
analytics.track({ userId: 'u1', event: 'With Token' });
await analytics.closeAndFlush({ timeout: 20_000 });
console.log('end');
