/** The link of the first owner: one at a time, for a day, and only while nobody is owner. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import {
  acceptInvitation,
  createFirstOwnerInvitation,
  createInvitation,
  findInvitation,
} from '../../src/store/people/invitations.ts';
import { closeStore, openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import { createUser } from '../../src/store/people/users.ts';
import { forEachEngine } from '../support/store-engines.ts';

const DAY_MS = 86_400_000;
forEachEngine((engine) => {
  let store: Store;
  let nowMs = 0;

  beforeEach(() => {
    nowMs = Date.UTC(2026, 0, 1);
    store = openStore(engine.place, { clock: { ...systemClock, wallMs: () => nowMs } });
  });

  afterEach(() => {
    closeStore(store);
  });

  function firstOwner(): string {
    const invitation = createFirstOwnerInvitation(store);
    assert.ok(invitation !== null);
    return invitation;
  }

  test('each start makes a new link, and the one before is worth nothing', () => {
    const [old, next] = [firstOwner(), firstOwner()];
    assert.equal(findInvitation(store, old), undefined);
    assert.deepEqual(findInvitation(store, next), {
      email: null,
      role: 'owner',
      sources: null,
      userId: null,
    });
  });

  test('it is valid for a day', () => {
    const invitation = firstOwner();
    nowMs += DAY_MS;
    assert.ok(findInvitation(store, invitation));
    nowMs += 1;
    assert.equal(findInvitation(store, invitation), undefined);
  });

  test('it is worth nothing once somebody is owner, however that came about', () => {
    const invitation = firstOwner();
    const person = { name: 'A', password: null };
    createUser(store, { ...person, email: 'v@example.com', role: 'viewer' });
    assert.ok(findInvitation(store, invitation), 'others do not count');
    createUser(store, { ...person, email: 'o@example.com', role: 'owner' });
    assert.equal(findInvitation(store, invitation), undefined);
    const accept = () => acceptInvitation(store, invitation, () => assert.fail('accepted'));
    assert.throws(accept, { code: 'NOT_FOUND' });
    assert.equal(createFirstOwnerInvitation(store), null);
  });

  test('other invitations live through a start, for a week', () => {
    const given = { email: 'b@example.com', role: 'admin', sources: null, userId: null } as const;
    const invitation = createInvitation(store, given);
    firstOwner();
    nowMs += 7 * DAY_MS;
    assert.deepEqual(findInvitation(store, invitation), given);
  });
});
