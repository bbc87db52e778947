/**
 * What a driver is asked to do: `<host> <write key> <scenario> <count>`. Scenarios: six (one of each
 * call), values (one track with the properties of MILLRACE_COMPAT_PROPERTIES, of user 42), many
 * (numbered tracks), paced (the same with pauses), refused (a large track, then a small one).
 */
export function readScenario() {
  const [host, writeKey, scenario, count] = process.argv.slice(2);
  return { host, writeKey, scenario, count: Number(count) };
}

export function specialProperties() {
  return JSON.parse(process.env.MILLRACE_COMPAT_PROPERTIES);
}

/** Between two events of the paced scenario: traffic long enough to be interrupted. */
export function pause() {
  return new Promise((resolve) => setTimeout(resolve, 10));
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

/** The events of every scenario but six and refused, with what to do after each of them. */
export async function sendTracks(
  analytics,
  { scenario, count },
  afterEach = async () => undefined,
) {
  if (scenario === 'values') {
    analytics.track({ userId: '42', event: 'Values', properties: specialProperties() });
    return;
  }
  for (let n = 0; n < count; n++) {
    analytics.track({ userId: 'u1', event: 'Numbered', properties: { n } });
    if (scenario === 'paced') await pause();
    await afterEach(n);
  }
}
