/**
 * A token that a service gave for an application's own name and secret was never asked for again:
 * when it expired, the destination waited for a person for ever, also over restarts.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { ServiceAnswer } from '../support/fake-service.ts';
import { deliver, eventOf, startSegmentHarness } from '../support/segment-harness.ts';

const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops.toReversed()) await stop();
});

test('what was had without a refresh token is had again without one', async () => {
  const { open, service, close } = await startSegmentHarness();
  stops.push(close);
  let given = 0;
  let newest = '';
  service.answerWith(({ path, headers }): ServiceAnswer => {
    const type = { 'Content-Type': 'application/json' };
    if (path.startsWith('/OAuth2/Token')) {
      newest = `token-${++given}`;
      return { status: 200, headers: type, body: JSON.stringify({ access_token: newest }) };
    }
    const isGood = headers.authorization === `Bearer ${newest}`;
    return { status: isGood ? 200 : 401, headers: type, body: '{}' };
  });
  const settings = {
    client_id: 'i',
    client_secret: 's',
    oauth: { clientId: 'i', clientSecret: 's' },
    subscriptions: [
      {
        partnerAction: 'updateEmailContactProfileFields',
        subscribe: 'type = "identify"',
        mapping: { listId: 1, profileFieldValues: { 2: 'on' } },
      },
    ],
  };
  for (let at = 1; at <= 3; at++) {
    const destination = await open('actions-listrak', settings);
    const traits = { email: `u${at}@b.example` };
    const [outcome] = await deliver(destination, [eventOf({ type: 'identify', traits })]);
    assert.equal(outcome?.kind, 'delivered', JSON.stringify(outcome));
    assert.equal(given, at);
    newest = 'none: it has expired';
    // The first time while it is open, then over a restart.
    if (at > 1) await destination.close();
  }
});
