/** analytics-next from npm, as its README starts it. */
import { AnalyticsBrowser } from 'sdk';

window.startSdk = async ({ host, writeKey }) => {
  const { protocol, host: name } = new URL(host);
  const options = {
    integrations: { 'Segment.io': { apiHost: `${name}/v1`, protocol: protocol.slice(0, -1) } },
  };
  window.analytics = AnalyticsBrowser.load({ writeKey, cdnURL: host }, options);
  // Events wait for it; the page goes on without it.
  await Promise.race([window.analytics.ready(), new Promise((done) => setTimeout(done, 2_000))]);
};
