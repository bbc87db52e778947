/** What consent wrappers are told of a source, which decides whether they send at all. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { systemRandom } from '../../src/base/random.ts';
import { createDestination } from '../../src/store/destinations/destinations.ts';
import type { DestinationState } from '../../src/store/destinations/destination-shapes.ts';
import { createSealer } from '../../src/store/sealing/sealing.ts';
import { consentSettingsFor } from '../../src/store/sources/consent-settings.ts';
import { closeStore, openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/store.ts';
import { forEachEngine } from '../support/store-engines.ts';

const WEB = { slug: 'web', region: 'us' };

interface Given {
  categories: string[];
  sources?: string[];
  region?: string;
  state?: DestinationState;
}

forEachEngine((engine) => {
  let store: Store;

  beforeEach(() => {
    store = openStore(engine.place);
  });

  afterEach(() => {
    closeStore(store);
  });

  function create(...destinations: Given[]): void {
    const sealer = createSealer(Buffer.alloc(32), systemRandom);
    for (const [at, given] of destinations.entries()) {
      createDestination(store, sealer, {
        name: `D${at}`,
        slug: `d${at}`,
        type: 'webhook',
        region: given.region ?? 'us',
        state: given.state ?? 'enabled',
        sources: given.sources ?? null,
        settings: {},
        consentCategories: given.categories,
        filters: [],
        delivery: {},
        start: 'now',
      });
    }
  }

  test('without categories there is nothing to ask a user for', () => {
    assert.equal(consentSettingsFor(store)(WEB), null);
    create({ categories: [] });
    assert.equal(consentSettingsFor(store)(WEB), null);
  });

  test('categories of all destinations of the source, each once, and that one has none', () => {
    create({ categories: ['b', 'a'] }, { categories: ['a', 'c'], state: 'paused' });
    assert.deepEqual(consentSettingsFor(store)(WEB), {
      allCategories: ['a', 'b', 'c'],
      hasUnmappedDestinations: false,
    });
  });

  test('one that receives the source and has no categories is told of', () => {
    create({ categories: ['a'] }, { categories: [], sources: ['web'] });
    assert.equal(consentSettingsFor(store)(WEB)?.hasUnmappedDestinations, true);
  });

  test('what receives nothing of the source does not count', () => {
    create(
      { categories: ['a'] },
      { categories: ['b'], sources: ['app'] },
      { categories: ['c'], region: 'eu' },
      { categories: ['d'], state: 'disabled' },
      { categories: [], sources: ['app'] },
      { categories: [], region: 'eu' },
      { categories: [], state: 'disabled' },
    );
    assert.deepEqual(consentSettingsFor(store)(WEB), {
      allCategories: ['a'],
      hasUnmappedDestinations: false,
    });
  });
});
