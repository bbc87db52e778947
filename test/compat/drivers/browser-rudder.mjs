/** RudderStack's SDK from npm, as its README starts it, with its configuration from us too. */
import { RudderAnalytics } from 'sdk';

window.startSdk = async ({ host, writeKey }) => {
  const rudder = new RudderAnalytics();
  window.analytics = rudder;
  rudder.load(writeKey, host, { configUrl: host });
  const ready = new Promise((done) => rudder.ready(done));
  await Promise.race([ready, new Promise((done) => setTimeout(done, 2_000))]);
};
