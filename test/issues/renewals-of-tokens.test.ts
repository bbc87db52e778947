/**
 * A renewal of OAuth tokens that the service answered with `400 invalid_grant` made dead letters
 * of every event, as if their payload were wrong; and 20 events with an old token made 8 renewals
 * with one refresh token, of which a service that rotates them refused 7, with their events.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { deliver, eventOf, startSegmentHarness } from '../support/segment-harness.ts';
import type { SegmentHarness } from '../support/segment-harness.ts';

let harness: SegmentHarness | undefined;
afterEach(async () => {
  await harness?.close();
  harness = undefined;
});

const OAUTH = { access_token: 'old', refresh_token: 'r0', clientId: 'i', clientSecret: 's' };
const SETTINGS = { oauth: OAUTH, subscriptions: [{ partnerAction: 'upsertContact' }] };
const people = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    eventOf({ type: 'identify', userId: `u${at}`, traits: { email: `u${at}@b.example` } }),
  );
const isRenewal = ({ path }: { path: string }): boolean => path.startsWith('/oauth/');

/** A service that answers renewals so, and refuses the old token. */
async function openWith(answer: (body: string) => { status: number; body: string }) {
  harness = await startSegmentHarness();
  const { open, service } = harness;
  service.answerWith((request) => {
    const headers = { 'Content-Type': 'application/json' };
    if (isRenewal(request)) return { ...answer(request.body), headers };
    return { status: request.headers.authorization === 'Bearer old' ? 401 : 200 };
  });
  return { destination: await open('actions-hubspot-cloud', SETTINGS), service };
}

test('a renewal that the service refuses waits for a person, and is named', async () => {
  for (const status of [400, 401, 403]) {
    const refusal = { status, body: '{"error":"invalid_grant"}' };
    const { destination, service } = await openWith(() => refusal);
    const outcomes = await deliver(destination, people(20));
    for (const outcome of outcomes) {
      assert.partialDeepStrictEqual(outcome, {
        kind: 'retry',
        scope: 'destination',
        reason: 'CREDENTIALS_REFUSED',
      });
      assert.match('message' in outcome ? outcome.message : '', /token could not be renewed/);
      assert.match('message' in outcome ? outcome.message : '', /invalid_grant/);
    }
    assert.equal(service.requests.filter(isRenewal).length, 1, 'nobody is asked 20 times');
    await harness?.close();
    harness = undefined;
  }
});

test('a renewal that succeeds without a token is refused, and nothing is sent without one', async () => {
  for (const oauth of [OAUTH, { clientId: 'i', clientSecret: 's' }]) {
    harness = await startSegmentHarness();
    const { open, service } = harness;
    service.answerWith((request) => {
      return { status: request.headers.authorization === 'Bearer old' ? 401 : 200, body: '{}' };
    });
    const destination = await open('actions-hubspot-cloud', { ...SETTINGS, oauth });
    const [outcome] = await deliver(destination, people(1));
    assert.partialDeepStrictEqual(outcome, { kind: 'retry', reason: 'CREDENTIALS_REFUSED' });
    assert.match(outcome && 'message' in outcome ? outcome.message : '', /no access token/);
    const tokens = service.requests.filter((one) => !isRenewal(one)).map(({ headers }) => headers);
    assert.ok(tokens.every(({ authorization }) => authorization === 'Bearer old'));
    await harness.close();
    harness = undefined;
  }
});

test('one that fails for now is tried again as everything is', async () => {
  const { destination } = await openWith(() => ({ status: 503, body: '' }));
  const [outcome] = await deliver(destination, people(1));
  assert.partialDeepStrictEqual(outcome, { kind: 'retry', reason: 'HTTP_STATUS' });
  assert.match(outcome && 'message' in outcome ? outcome.message : '', /could not be renewed/);
});

test('events side by side share one renewal, also of a service that rotates its tokens', async () => {
  let rotated = 0;
  const { destination, service } = await openWith((body) => {
    if (!body.includes(`refresh_token=r${rotated}&`)) return { status: 400, body: '{}' };
    rotated++;
    const tokens = { access_token: `new${rotated}`, refresh_token: `r${rotated}` };
    return { status: 200, body: JSON.stringify(tokens) };
  });
  const outcomes = await deliver(destination, people(20));
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    Array.from({ length: 20 }, () => 'delivered'),
  );
  assert.equal(service.requests.filter(isRenewal).length, 1);
});
