/** Jitsu's SDK from npm, as its README starts it. */
import { jitsuAnalytics } from 'sdk';

window.startSdk = ({ host, writeKey }) => {
  window.analytics = jitsuAnalytics({ host, writeKey });
};
