/** analytics-next behind Segment's consent wrapper; everything is consented to. */
import { createWrapper } from '@segment/analytics-consent-tools';
import { AnalyticsBrowser } from 'sdk';

window.startSdk = async ({ host, writeKey }) => {
  const { protocol, host: name } = new URL(host);
  const options = {
    integrations: { 'Segment.io': { apiHost: `${name}/v1`, protocol: protocol.slice(0, -1) } },
  };
  const withConsent = createWrapper({
    shouldLoadSegment: (context) => context.load({ consentModel: 'opt-in' }),
    getCategories: () => ({ Advertising: true, Analytics: true }),
  });
  window.analytics = new AnalyticsBrowser();
  withConsent(window.analytics).load({ writeKey, cdnURL: host }, options);
  await Promise.race([window.analytics.ready(), new Promise((done) => setTimeout(done, 2_000))]);
};
