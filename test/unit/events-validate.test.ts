import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeBody } from '../../src/events/decode.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import type { EventLimits } from '../../src/events/limits.ts';
import type { EventType } from '../../src/events/routes.ts';
import { judgeEvent } from '../../src/events/validate.ts';

const validateEvent = (event: unknown, limits: EventLimits, type: EventType | undefined) =>
  judgeEvent(event, {}, limits, type, (holder, key) => String(holder[key])).problem;
const ok = { userId: 'u', event: 'E' };
const consent = (value: unknown) => ({ ...ok, context: { consent: value } });
const consentEvent = (value: unknown) => ({
  ...consent(value),
  event: 'Segment Consent Preference Updated',
});

/** One row for each reason: type, event, code, field. */
const CASES: [type: EventType | undefined, event: unknown, code: string, field?: string][] = [
  ['track', 'text', 'bad_request'],
  ['track', [], 'bad_request'],
  [undefined, { ...ok }, 'bad_request', 'type'],
  [undefined, { ...ok, type: 'TRACK' }, 'bad_request', 'type'],
  ['track', { event: 'E' }, 'no_user_anon_id', 'userId'],
  ['identify', {}, 'no_user_anon_id', 'userId'],
  ['page', { userId: null, anonymousId: null }, 'no_user_anon_id', 'userId'],
  ['track', { ...ok, userId: '' }, 'no_user_anon_id', 'userId'],
  ['group', { userId: 'u' }, 'id_required', 'groupId'],
  ['group', { userId: 'u', groupId: '', context: { groupId: '' } }, 'id_required', 'groupId'],
  ['alias', { userId: 'u', anonymousId: 'a' }, 'id_required', 'previousId'],
  ['alias', { userId: 'u', previousId: '' }, 'id_required', 'previousId'],
  ['track', { ...ok, userId: true }, 'id_not_string', 'userId'],
  ['track', { ...ok, anonymousId: {} }, 'id_not_string', 'anonymousId'],
  ['group', { ...ok, groupId: [] }, 'id_not_string', 'groupId'],
  ['alias', { ...ok, previousId: true }, 'id_not_string', 'previousId'],
  ['track', { userId: 'u' }, 'event_not_defined', 'event'],
  ['track', { userId: 'u', event: null }, 'event_not_defined', 'event'],
  ['track', { userId: 'u', event: '' }, 'event_not_defined', 'event'],
  ['track', { userId: 'u', event: 5 }, 'event_not_string', 'event'],
  ['screen', { userId: 'u', name: 5 }, 'name_not_string', 'name'],
  ['page', { userId: 'u', category: [] }, 'category_not_string', 'category'],
  ['track', { ...ok, properties: [0] }, 'properties_not_object', 'properties'],
  ['track', { ...ok, properties: 'x' }, 'properties_not_object', 'properties'],
  ['identify', { userId: 'u', traits: 5 }, 'traits_not_object', 'traits'],
  ['track', { ...ok, context: [{}] }, 'context_not_object', 'context'],
  ['track', { ...ok, integrations: true }, 'integrations_not_object', 'integrations'],
  ['track', { ...ok, messageId: {} }, 'message_id_not_string', 'messageId'],
  ['track', { ...ok, messageId: 'x'.repeat(101) }, 'message_id_too_long', 'messageId'],
  [
    'track',
    { ...ok, context: { device: { advertisingId: 5 } } },
    'device_advertisingid_should_be_string',
    'context.device.advertisingId',
  ],
  [
    'track',
    consent({ version: '2' }),
    'consent_version_should_be_number',
    'context.consent.version',
  ],
  [
    'track',
    consent({ categoryPreferences: { ads: 'yes' } }),
    'consent_categorypreferences_fields_should_be_bool',
    'context.consent.categoryPreferences.ads',
  ],
  [
    'track',
    consentEvent({}),
    'consent_categorypreferences_should_exist',
    'context.consent.categoryPreferences',
  ],
  [
    'track',
    consentEvent({ categoryPreferences: [0] }),
    'consent_categorypreferences_fields_should_be_object',
    'context.consent.categoryPreferences',
  ],
];

describe('each reason names its field', () => {
  for (const [type, event, code, field] of CASES) {
    const text = JSON.stringify(event).slice(0, 60);
    test(`${code}: ${type ?? 'batch item'} ${text}`, () => {
      const found = validateEvent(event, DEFAULT_EVENT_LIMITS, type);
      assert.equal(found?.code, code);
      assert.equal(found?.field, field);
      assert.ok((found?.message.length ?? 0) > 10);
    });
  }
});

const NOTHING = {
  userId: null,
  groupId: null,
  previousId: null,
  name: null,
  category: null,
  properties: null,
  traits: null,
  context: null,
  integrations: null,
  messageId: null,
  timestamp: null,
};

test('null, an empty text and absent are equal, everywhere', () => {
  const needed = { type: 'track', anonymousId: 'a', event: 'E' };
  for (const nothing of [null, '']) {
    const optional = Object.fromEntries(Object.keys(NOTHING).map((key) => [key, nothing]));
    const event = { ...needed, ...optional };
    assert.equal(validateEvent(event, DEFAULT_EVENT_LIMITS, undefined), undefined);
  }
});

test('an empty list of consent preferences names no category, as an empty object', () => {
  const event = consentEvent({ categoryPreferences: [] });
  assert.equal(validateEvent(event, DEFAULT_EVENT_LIMITS, 'track'), undefined);
});

test('what can be read in another way is no problem, and is counted', () => {
  const numberText = (holder: Record<string, unknown>, key: string) => String(holder[key]);
  const event = { userId: 5, event: 'E', name: '', timestamp: 'soon', properties: [] };
  const judged = judgeEvent(event, {}, DEFAULT_EVENT_LIMITS, 'track', numberText);
  assert.deepEqual(judged, {
    problem: undefined,
    event: { userId: '5', event: 'E', properties: {} },
    rules: 15,
  });
});

test('the id of a group or alias is enough, and each is what it needs', () => {
  const valid: [EventType, unknown][] = [
    ['group', { groupId: 'g' }],
    ['group', { userId: 'u', context: { groupId: 7 } }],
    ['alias', { previousId: 'p' }],
  ];
  for (const [type, event] of valid) {
    assert.equal(validateEvent(event, DEFAULT_EVENT_LIMITS, type), undefined);
  }
});

test("the route's type wins over the event's own", () => {
  const event = { type: 'identify', userId: 'u', event: 'E' };
  assert.equal(validateEvent(event, DEFAULT_EVENT_LIMITS, 'track'), undefined);
  const found = validateEvent({ type: 'identify', userId: 'u' }, DEFAULT_EVENT_LIMITS, 'track');
  assert.equal(found?.code, 'event_not_defined');
});

describe('bodies', () => {
  const decode = (body: unknown) =>
    decodeBody(Buffer.from(JSON.stringify(body)), 'batch', DEFAULT_EVENT_LIMITS, undefined);

  test('a request that holds no events is refused as a whole', () => {
    const codes: [unknown, string, string][] = [
      [{}, 'bad_request', 'batch'],
      [{ batch: null }, 'bad_request', 'batch'],
      [{ batch: {} }, 'bad_request', 'batch'],
      [{ batch: [] }, 'empty_batch', 'batch'],
      [{ batch: [{}], context: 5 }, 'context_not_object', 'context'],
      [{ batch: [{}], integrations: [1] }, 'integrations_not_object', 'integrations'],
    ];
    for (const [body, code, field] of codes) {
      const decoded = decode(body);
      assert.ok(!decoded.ok);
      assert.deepEqual([decoded.rejection.code, decoded.rejection.field], [code, field]);
    }
  });

  test('the size of an item is what was sent, spaces and escapes included', () => {
    const limits = { ...DEFAULT_EVENT_LIMITS, eventBytesMax: 80 };
    const small = '{"type":"track","userId":"u","event":"E"}';
    const padded = `{"type":"track","userId":"u","event":"${'\\u0045'.repeat(9)}"}`;
    const body = Buffer.from(`{"x":"{[\\"","batch" : [ ${small} , ${padded}, ${small} ]}`);
    const decoded = decodeBody(body, 'batch', limits, undefined);
    assert.ok(decoded.ok);
    assert.deepEqual(
      decoded.rejections.map(({ index, code }) => [index, code]),
      [[1, 'event_too_large']],
    );
  });

  test('rejections carry what helps to find the event again', () => {
    const decoded = decode({
      batch: [
        { type: 'identify', messageId: 'm1' },
        { type: 'track', userId: 'u', event: 'E' },
      ],
    });
    assert.ok(decoded.ok);
    assert.equal(decoded.eventCount, 2);
    assert.deepEqual(decoded.rejections, [
      {
        index: 0,
        type: 'validation_error',
        code: 'no_user_anon_id',
        message: 'Missing required field: userId or anonymousId',
        field: 'userId',
        messageId: 'm1',
        eventType: 'identify',
      },
    ]);
  });

  test('a batch-level context counts for every event of it', () => {
    const decoded = decode({
      batch: [{ type: 'track', userId: 'u', event: 'E' }],
      context: { consent: { version: 'x' } },
    });
    assert.ok(decoded.ok);
    assert.equal(decoded.rejections[0]?.code, 'consent_version_should_be_number');
  });
});
