/**
 * `consent: {}` together with an integrations object was sent to destinations that have consent
 * categories; by Segment's table they get nothing. And what is no consent object at all, such as a
 * text or a list, counted as none, so that what was meant to protect a person let everything out.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasConsent } from '../../src/deliver/routing/consent.ts';

const sent = (consent: unknown, integrations?: unknown): boolean =>
  hasConsent({ type: 'track', event: 'Seen', context: { consent }, integrations }, ['ads']);

test('an empty consent object beside an integrations object sends nothing that has categories', () => {
  for (const integrations of [{ All: true }, { Facebook: true, Amplitude: false }]) {
    assert.equal(sent({}, integrations), false);
    assert.equal(sent({ categoryPreferences: {} }, integrations), false);
    assert.equal(sent(undefined, integrations), true);
    assert.equal(sent({ categoryPreferences: { ads: true } }, integrations), true);
    assert.equal(hasConsent({ context: { consent: {} }, integrations }, []), true);
  }
  // SDKs send an empty one with every event, which is as none.
  for (const integrations of [undefined, null, {}]) assert.equal(sent({}, integrations), true);
});

test('what is no consent object consents to nothing', () => {
  for (const consent of ['x', '', 'granted', [], [{ ads: true }], 0, 1, true, false]) {
    assert.equal(sent(consent), false, JSON.stringify(consent));
  }
  for (const categoryPreferences of ['ads', ['ads'], null, true, { ads: 'true' }, { ads: 1 }]) {
    assert.equal(sent({ categoryPreferences }), false, JSON.stringify(categoryPreferences));
  }
  for (const consent of [undefined, null]) assert.equal(sent(consent), true);
});
