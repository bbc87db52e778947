/** What a driver is asked to do: `<host> <write key> <six|many|refused> <count>`. */
export function readScenario() {
  const [host, writeKey, scenario, count] = process.argv.slice(2);
  return { host, writeKey, scenario, count: Number(count) };
}

/** One of each call; the SDKs for Node share their form. */
export function sendSix(analytics) {
  analytics.identify({ userId: 'u1', traits: { plan: 'pro' } });
  analytics.track({ userId: 'u1', event: 'Order Completed', properties: { total: 9.5 } });
  analytics.page({ userId: 'u1', name: 'Home', properties: { path: '/' } });
  analytics.screen({ userId: 'u1', name: 'Start' });
  analytics.group({ userId: 'u1', groupId: 'g1', traits: { name: 'Acme' } });
  analytics.alias({ userId: 'u1', previousId: 'a1' });
}
