/** Which events go to a destination: each rule by table, and their order. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeliveryEvent } from '../../src/destinations/destination-contract.ts';
import { hasConsent } from '../../src/deliver/routing/consent.ts';
import { compileFilters, parseFilters } from '../../src/deliver/routing/destination-filters.ts';
import { isIntegrationEnabled } from '../../src/deliver/routing/integrations.ts';
import type { IntegrationTarget } from '../../src/deliver/routing/integrations.ts';
import { explainRoute, route } from '../../src/deliver/routing/event-router.ts';
import type { RoutingPlan } from '../../src/deliver/routing/event-router.ts';
import type { JsonObject } from '../../src/events/json.ts';
import type { StoredEvent } from '../../src/events/raw-event.ts';

describe('consent', () => {
  const cases: [name: string, consent: unknown, categories: string[], expected: boolean][] = [
    ['an unmapped destination always receives', { categoryPreferences: {} }, [], true],
    ['no consent object: not enforced', undefined, ['ads'], true],
    ['null: not enforced', null, ['ads'], true],
    ['an empty consent object: not enforced', {}, ['ads'], true],
    ['what is no object consents to nothing', 'yes', ['ads'], false],
    ['consented', { categoryPreferences: { ads: true } }, ['ads'], true],
    ['refused', { categoryPreferences: { ads: false } }, ['ads'], false],
    ['not asked', { categoryPreferences: { other: true } }, ['ads'], false],
    ['empty preferences consent to nothing', { categoryPreferences: {} }, ['ads'], false],
    [
      'all categories are needed',
      { categoryPreferences: { a: true, b: false } },
      ['a', 'b'],
      false,
    ],
    ['all categories given', { categoryPreferences: { a: true, b: true } }, ['a', 'b'], true],
    ['a text is not true', { categoryPreferences: { ads: 'true' } }, ['ads'], false],
    [
      'preferences that are no object consent to nothing',
      { categoryPreferences: 1 },
      ['ads'],
      false,
    ],
    ['an inherited name is not consent', { categoryPreferences: {} }, ['constructor'], false],
  ];
  for (const [name, consent, categories, expected] of cases) {
    test(name, () => {
      assert.equal(hasConsent({ type: 'track', context: { consent } }, categories), expected);
    });
  }
  test('the event about the preferences itself always goes', () => {
    const context = { consent: { categoryPreferences: { ads: false } } };
    const message = { type: 'track', event: 'Segment Consent Preference Updated', context };
    assert.equal(hasConsent(message, ['ads']), true);
  });
});

describe('integrations object', () => {
  const cloud: IntegrationTarget = {
    class: 'cloud',
    id: 'id1',
    slug: 'my-hook',
    names: ['My Hook', 'my-hook', 'Webhooks'],
  };
  const warehouse: IntegrationTarget = { ...cloud, class: 'warehouse', slug: 'wh' };
  const storage: IntegrationTarget = { ...cloud, class: 'storage' };
  const stream: IntegrationTarget = { ...cloud, class: 'stream' };
  const salesforce: IntegrationTarget = { ...cloud, names: ['Salesforce'] };
  const cases: [
    name: string,
    target: IntegrationTarget,
    integrations: JsonObject,
    expected: boolean,
  ][] = [
    ['nothing said: enabled', cloud, {}, true],
    ['All: false', cloud, { All: false }, false],
    ['all in lower case, as Go and .NET write it', cloud, { all: false }, false],
    ['its name wins over All', cloud, { All: false, 'My Hook': true }, true],
    ['its slug', cloud, { All: false, 'my-hook': true }, true],
    ['the name of its type', cloud, { All: false, Webhooks: true }, true],
    ['the most specific name wins', cloud, { 'My Hook': true, Webhooks: false }, true],
    ['named false', cloud, { 'My Hook': false }, false],
    ['an object of options is as good as true', cloud, { All: false, 'My Hook': { a: 1 } }, true],
    ['null says nothing', cloud, { 'My Hook': null, All: false }, false],
    ['names are case-sensitive', cloud, { 'MY HOOK': false }, true],
    ['a stream obeys as a cloud service does', stream, { All: false }, false],
    ['Salesforce only when named', salesforce, {}, false],
    ['Salesforce when named', salesforce, { Salesforce: true }, true],
    ['storage ignores it', storage, { All: false, 'My Hook': false }, true],
    ['a warehouse ignores All', warehouse, { All: false }, true],
    ['Warehouses: all false', warehouse, { Warehouses: { all: false } }, false],
    ['Warehouses: false', warehouse, { Warehouses: false }, false],
    ['named by id', warehouse, { Warehouses: { all: false, warehouseIds: ['id1'] } }, true],
    ['named by slug', warehouse, { Warehouses: { all: false, warehouseIds: ['wh'] } }, true],
    ['another is named', warehouse, { Warehouses: { all: false, warehouseIds: ['x'] } }, false],
  ];
  for (const [name, target, integrations, expected] of cases) {
    test(name, () => {
      assert.equal(isIntegrationEnabled(integrations, target), expected);
    });
  }
});

describe('order of the rules', () => {
  const refusing: Required<RoutingPlan> = {
    target: { class: 'cloud', id: 'd', slug: 'd', names: ['D'] },
    isInternal: () => true,
    isDisabled: true,
    replay: () => false,
    isSuppressed: () => true,
    consentCategories: ['ads'],
    isConnected: () => false,
    filters: compileFilters(parseFilters([{ if: 'type = "track"', actions: [{ type: 'drop' }] }])),
    accepts: () => 'NO_MATCHING_SUBSCRIPTION',
  };
  const event = {
    sourceNumber: 7,
    userId: 'u',
    message: {
      type: 'track',
      context: { consent: { categoryPreferences: {} } },
    },
    integrations: { All: false },
  } as unknown as StoredEvent;
  const toDelivery = () => ({}) as DeliveryEvent;
  const steps: [reason: string, allow: Partial<RoutingPlan>][] = [
    ['INTERNAL_SOURCE', { isInternal: (number) => number !== 7 }],
    ['DESTINATION_DISABLED', { isDisabled: false }],
    ['FILTERED_BY_REPLAY', { replay: null }],
    ['SUPPRESSED_USER', { isSuppressed: () => false }],
    ['FILTERED_BY_END_USER_CONSENT', { consentCategories: [] }],
    ['INTEGRATION_DISABLED', { target: { ...refusing.target, class: 'storage' } }],
    ['SOURCE_NOT_CONNECTED', { isConnected: (number) => number === 7 }],
    ['FILTERED_BY_DESTINATION_FILTER', { filters: compileFilters([]) }],
    ['NO_MATCHING_SUBSCRIPTION', { accepts: null }],
  ];
  let plan: RoutingPlan = refusing;
  for (const [at, [reason, allow]] of steps.entries()) {
    const current = plan;
    test(`${reason} is rule ${at + 1}`, () => {
      const routed = route(event, current, toDelivery);
      assert.equal(routed.kind === 'filtered' && routed.reason, reason);
      const rules = explainRoute(event, current, toDelivery);
      assert.deepEqual(
        rules.map((rule) => rule.reason),
        [...Array.from({ length: at }, () => null), reason],
      );
    });
    plan = { ...plan, ...allow };
  }
  test('what passes all rules is sent', () => {
    assert.equal(route(event, plan, toDelivery).kind, 'send');
  });
  test('a replay goes to its destination whatever integrations say, but consent is kept', () => {
    const replayed = { ...plan, replay: () => true, target: refusing.target };
    assert.equal(route(event, replayed, toDelivery).kind, 'send');
    const strict = { ...replayed, consentCategories: ['ads'] };
    const routed = route(event, strict, toDelivery);
    assert.equal(routed.kind === 'filtered' && routed.reason, 'FILTERED_BY_END_USER_CONSENT');
  });
});
