/** All of Segment's destinations: the catalogue, their settings, their triggers and mappings. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';
import { makeCatalogue } from '../../scripts/segment-catalogue.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { compileFql } from '../../src/fql/fql.ts';
import type { SegmentDestination } from '../../src/destinations/segment-actions/catalogue.ts';
import {
  findSegmentDestination,
  listSegmentDestinations,
} from '../../src/destinations/segment-actions/catalogue.ts';
import {
  hasOauth,
  parseSegmentSettings,
  refusalOf,
  settingFields,
  triggerQuery,
} from '../../src/destinations/segment-actions/segment-settings.ts';
import {
  previewMapping,
  segmentDestinationType,
  subscriptionCount,
} from '../../src/destinations/segment-actions/segment-type.ts';
import type { JsonObject } from '../../src/events/json.ts';
import { startSegmentHarness } from '../support/segment-harness.ts';

const harness = await startSegmentHarness();
after(() => harness.close());
const { net } = harness;
const all = listSegmentDestinations();

function refused(slug: string, settings: unknown): MillraceError {
  try {
    segmentDestinationType(slug)?.parseSettings(settings, net);
  } catch (error) {
    assert.ok(error instanceof MillraceError);
    assert.equal(error.code, 'DESTINATION_INVALID');
    return error;
  }
  return assert.fail(`${slug} took ${JSON.stringify(settings)}`);
}

/** Settings that satisfy every field of a destination. */
function plausible(destination: SegmentDestination): JsonObject {
  const entries = Object.entries(destination.settings).map(([key, field]) => {
    const [choice] = field.choices ?? [];
    let value: unknown = (typeof choice === 'object' ? choice.value : choice) ?? field.default;
    if (value === undefined || value === '') {
      if (field.type === 'number') value = 1;
      else if (field.type === 'boolean') value = true;
      else if (field.type === 'object') value = {};
      else value = 'format' in field && field.format === 'uri' ? 'https://service.example' : 'abc';
    }
    return [key, field.multiple && !Array.isArray(value) ? [value] : value] as const;
  });
  const [action = ''] = Object.keys(destination.actions);
  return {
    ...Object.fromEntries(entries),
    ...(hasOauth(destination) ? { oauth: { access_token: 't' } } : {}),
    subscriptions: [{ partnerAction: action, subscribe: 'type = "track"' }],
  };
}

test('the catalogue is what the installed package has (else run scripts/generate-catalogue.ts)', () => {
  const made = makeCatalogue();
  assert.deepEqual(
    all.map(({ slug }) => slug),
    made.map(({ slug }) => slug),
  );
  for (const destination of made) {
    assert.deepEqual(findSegmentDestination(destination.slug), destination);
  }
});

test('there are 214, and each has a name, actions, and settings that do not hide ours', () => {
  assert.equal(all.length, 214);
  for (const { slug, name, actions, settings } of all) {
    assert.ok(name.length > 0 && Object.keys(actions).length > 0, slug);
    assert.ok(!('subscriptions' in settings) && !('oauth' in settings), slug);
  }
  assert.equal(segmentDestinationType('actions-nothing'), undefined);
  assert.deepEqual(segmentDestinationType('actions-slack')?.integrationNames, ['Slack']);
});

test('settings of each are taken as its own schema takes them', () => {
  for (const destination of all.filter((each) => refusalOf(each) === undefined)) {
    const { slug } = destination;
    const parsed = parseSegmentSettings(destination, plausible(destination), net);
    assert.equal(parsed.subscriptions.length, 1, slug);
    const required = settingFields(destination).find(
      ({ isRequired, key }) => isRequired && key in destination.settings,
    );
    if (!required) continue;
    const { [required.key]: _missing, ...rest } = plausible(destination);
    assert.equal(refused(slug, rest).field, required.key, slug);
  }
});

test('all 214 can be constructed under their slugs, and take the settings that we pass on', () => {
  const load = createRequire(import.meta.url);
  const { Destination } = load('@segment/actions-core') as {
    Destination: new (definition: object) => { validateSettings(settings: object): void };
  };
  const { manifest } = load('@segment/action-destinations') as {
    manifest: Record<string, { definition: { slug: string } }>;
  };
  const definitions = Object.values(manifest).map(({ definition }) => definition);
  assert.equal(definitions.length, 214);
  for (const definition of definitions) {
    const { slug } = definition;
    const constructed = new Destination({ ...definition, name: slug });
    const destination = findSegmentDestination(slug);
    assert.ok(destination, slug);
    if (refusalOf(destination) !== undefined) continue;
    const { settings } = parseSegmentSettings(destination, plausible(destination), net);
    assert.doesNotThrow(() => constructed.validateSettings(settings), slug);
  }
});

test('every trigger that Segment proposes is a query of ours, and every mapping is taken', () => {
  let presets = 0;
  for (const destination of all) {
    for (const { defaultSubscription } of Object.values(destination.actions)) {
      // One has a comma for `and`; it has to be written by the operator.
      if (defaultSubscription === 'type = "track", event = "Transaction Created"') continue;
      if (defaultSubscription) compileFql(defaultSubscription);
    }
    for (const { type, subscribe, partnerAction, mapping } of destination.presets) {
      if (type !== 'automatic' || !subscribe) continue;
      presets++;
      compileFql(subscribe);
      const action = destination.actions[partnerAction];
      if (!action) continue;
      assert.doesNotThrow(
        () => previewMapping(destination.slug, partnerAction, mapping, { type: 'track' }),
        `${destination.slug} ${partnerAction}`,
      );
    }
  }
  assert.ok(presets > 300, String(presets));
});

test('what connects by itself is refused when it is saved, with the reason', () => {
  const withClients = all.filter(({ ownClients }) => ownClients.length > 0);
  assert.deepEqual(
    withClients.map(({ slug }) => slug),
    [
      'actions-acoustic',
      'actions-amazon-eventbridge',
      'actions-aws-kinesis',
      'actions-kafka',
      'actions-liveramp-audiences',
      'actions-s3',
      'actions-s3-csv',
      'actions-sftp',
      'actions-the-trade-desk-crm',
    ],
  );
  for (const destination of withClients) {
    const { message, field } = refused(destination.slug, plausible(destination));
    assert.equal(field, 'type');
    assert.match(message, /connects by itself \(.+\), around the guard of addresses/);
  }
});

test('wrong settings are refused by their field, and secrets are not repeated', () => {
  const slack = (more: object) => ({
    subscriptions: [{ partnerAction: 'postToChannel', ...more }],
  });
  const url = 'https://hooks.slack.com/x';
  const table: readonly (readonly [slug: string, settings: unknown, field: string])[] = [
    ['actions-amplitude', 'x', 'settings'],
    ['actions-amplitude', { apiKey: 'a' }, 'secretKey'],
    ['actions-amplitude', { apiKey: 'a', secretKey: 'b', apikey: 'canary' }, 'apikey'],
    ['actions-amplitude', { apiKey: 'a', secretKey: 'b', endpoint: 'canary' }, 'endpoint'],
    ['actions-amplitude', { apiKey: 'a', secretKey: { canary: 1 } }, 'secretKey'],
    ['actions-amplitude', { apiKey: 'a', secretKey: 'b', oauth: {} }, 'oauth'],
    ['actions-intercom-cloud', { subscriptions: [] }, 'oauth'],
    ['actions-intercom-cloud', { oauth: { acces_token: 'canary' } }, 'oauth'],
    ['actions-slack', {}, 'subscriptions'],
    ['actions-slack', { subscriptions: {} }, 'subscriptions'],
    ['actions-slack', { subscriptions: [{}] }, 'subscriptions[0].partnerAction'],
    [
      'actions-slack',
      { subscriptions: [{ partnerAction: 'constructor' }] },
      'subscriptions[0].partnerAction',
    ],
    ['actions-slack', slack({}), 'subscriptions[0].subscribe'],
    ['actions-slack', slack({ subscribe: 'type =' }), 'subscriptions[0].subscribe'],
    ['actions-slack', slack({ subscribe: 'type = "track"', on: 1 }), 'subscriptions[0]'],
    [
      'actions-slack',
      slack({ subscribe: 'type = "track"', mapping: { link: url } }),
      'subscriptions[0].mapping.link',
    ],
    [
      'actions-slack',
      slack({ subscribe: 'type = "track"', mapping: { text: { '@nothing': 1 } } }),
      'subscriptions[0].mapping',
    ],
    [
      'actions-slack',
      slack({ subscribe: 'type = "track"', mapping: { url: 'http://169.254.169.254/' } }),
      'subscriptions[0].mapping.url',
    ],
  ];
  for (const [slug, settings, field] of table) {
    const error = refused(slug, settings);
    assert.equal(error.field, field, error.message);
    assert.ok(!error.message.includes('canary'), error.message);
  }
});

test("without subscriptions Segment's presets for events apply, and disabled ones do not", () => {
  const type = segmentDestinationType('actions-mixpanel');
  const settings = type?.parseSettings({ projectToken: 'p', apiSecret: 's' }, net);
  assert.equal(subscriptionCount(settings), 6);
  const none = type?.parseSettings(
    {
      projectToken: 'p',
      apiSecret: 's',
      subscriptions: [{ partnerAction: 'trackEvent', enabled: false }],
    },
    net,
  );
  assert.equal(subscriptionCount(none), 0);
});

test('fields say what is secret, required, chosen from, and what is the default', () => {
  const fields = new Map(
    segmentDestinationType('actions-amplitude')?.fields.map((f) => [f.key, f]),
  );
  assert.equal(fields.get('secretKey')?.isSecret, true);
  assert.equal(fields.get('secretKey')?.isRequired, true);
  assert.equal(fields.get('endpoint')?.isRequired, false);
  assert.equal(fields.get('endpoint')?.type, 'choice');
  assert.deepEqual(fields.get('endpoint')?.choices, ['north_america', 'europe']);
  assert.equal(fields.get('endpoint')?.default, 'north_america');
  assert.equal(fields.get('subscriptions')?.isRequired, false);
  const hubspot = segmentDestinationType('actions-hubspot-cloud')?.fields;
  assert.equal(hubspot?.find(({ key }) => key === 'oauth')?.isSecret, true);
});

test('a mapping is shown without asking the service', () => {
  const event = { type: 'track', event: 'Signed Up', userId: 'u1' };
  const mapping = {
    url: 'https://hooks.slack.com/x',
    text: { '@template': '{{userId}}: {{event}}' },
    icon_url: null,
  };
  assert.deepEqual(previewMapping('actions-slack', 'postToChannel', mapping, event), {
    payload: { url: 'https://hooks.slack.com/x', text: 'u1: Signed Up', username: 'Segment' },
  });
  const wrong = previewMapping('actions-slack', 'postToChannel', { text: 'x' }, event);
  assert.match('errors' in wrong ? wrong.errors.join() : '', /URL|url/);
  assert.throws(() => previewMapping('actions-slack', 'nothing', {}, event), MillraceError);
  const path = { url: 'https://hooks.slack.com/x', text: { '@path': '$.__proto__.toString' } };
  assert.ok('errors' in previewMapping('actions-slack', 'postToChannel', path, event));
  assert.equal(typeof {}.toString, 'function');
  assert.equal(harness.service.requests.length, 0);
});

test('triggers that Segment proposes match the events that its own evaluator says', () => {
  const { parseFql, validate } = createRequire(import.meta.url)(
    '@segment/destination-subscriptions',
  ) as {
    parseFql(query: string): object;
    validate(ast: object, event: object): boolean;
  };
  const queries = all.flatMap(({ actions, presets }) => [
    ...Object.values(actions).flatMap(({ defaultSubscription = '' }) => defaultSubscription),
    ...presets.map(({ subscribe = '' }) => subscribe),
  ]);
  const odd = (query: string): boolean => {
    const signs = query.replaceAll(/"[^"]*"/g, '');
    // Theirs does not read a double sign, and lets the last of `and` and `or` stand for all.
    return /==|,|^$/.test(signs) || (/\band\b/i.test(signs) && /\bor\b/i.test(signs));
  };
  const names = [...queries.join(' ').matchAll(/event = "([^"]+)"/g)].map(([, name]) => name);
  const events = [...new Set(names), 'x'].flatMap((event) => [
    { type: 'track', event, userId: 'u1', properties: { email: 'a@b.co' } },
    { type: 'track', event, properties: {} },
  ]);
  const others = ['identify', 'page', 'screen', 'group', 'alias'].map((type) => ({
    type,
    name: 'n',
  }));
  let compared = 0;
  for (const query of new Set(queries.filter((each) => !odd(each)))) {
    const theirs = parseFql(query);
    for (const event of [...events, ...others]) {
      assert.equal(compileFql(triggerQuery(query))(event), validate(theirs, event), query);
      compared++;
    }
  }
  assert.ok(compared > 5_000, String(compared));
});
