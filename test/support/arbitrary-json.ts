/** Generators of event bodies, mostly nearly right, for properties over decoders. */
import fc from 'fast-check';

const KEYS = [
  'type',
  'userId',
  'anonymousId',
  'groupId',
  'previousId',
  'event',
  'name',
  'category',
  'properties',
  'traits',
  'context',
  'integrations',
  'messageId',
  'timestamp',
  'sentAt',
  'writeKey',
  'consent',
  'device',
  'advertisingId',
  'x',
  '__proto__',
  '',
];

const text = fc.oneof(
  fc.constantFrom(
    'track',
    'identify',
    'page',
    'screen',
    'group',
    'alias',
    'u1',
    '',
    'é😀',
    '\u0000',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.constantFrom(
    '2026-01-31T12:00:00.000Z',
    '2026-02-30T12:00:00Z',
    '2026-01-15T23:59:59.123456789Z',
    '2026-01-15T25:00:00Z',
    '2026-01-15 10:00:00+02:00',
    '2026-01-15T10:00:00.029:Z',
    '2026-01-15T10:00:00 pm+0400',
    '2026-01-15T10:00:60Z[UTC]',
    '٢٠٢٦-٠١-١٥T١٠:٠٠:٠٠Z',
    '1768471200123',
    'soon',
  ),
);

const leaf = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 2, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 2, arbitrary: fc.constant(null) },
);

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'value' },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 3, depthIdentifier: 'value' }) },
    {
      weight: 2,
      arbitrary: fc.dictionary(
        fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 6 })),
        tie('value'),
        {
          maxKeys: 4,
          depthIdentifier: 'value',
        },
      ),
    },
  ),
}));

const fields = fc.dictionary(fc.string({ maxLength: 6 }), value, { maxKeys: 4 });
/** What is read in another way than it is sent, beside what is as it should be. */
const often = (
  usual: fc.Arbitrary<unknown>,
  ...repaired: fc.Arbitrary<unknown>[]
): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 40, arbitrary: usual },
    ...repaired.map((arbitrary) => ({ weight: 2, arbitrary })),
    { weight: 1, arbitrary: value },
  );
const empty = fc.constant('');
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const id = often(fc.constant('u1'), empty, number);
const list = fc.constant([]);

const eventFields = {
  type: fc.oneof(
    {
      weight: 40,
      arbitrary: fc.constantFrom('track', 'identify', 'page', 'screen', 'group', 'alias'),
    },
    { weight: 1, arbitrary: value },
  ),
  userId: id,
  anonymousId: id,
  groupId: id,
  previousId: id,
  event: fc.oneof(
    { weight: 40, arbitrary: fc.constant('Signed Up') },
    { weight: 1, arbitrary: value },
  ),
  name: often(fc.constant('Home'), empty),
  category: often(fc.constant('Shop'), empty),
  messageId: often(fc.uuid(), empty, number),
  timestamp: fc.oneof(
    { weight: 8, arbitrary: text },
    { weight: 2, arbitrary: fc.constantFrom(1_768_471_200, 1_768_471_200_123, 1_768_471_200.5) },
    { weight: 2, arbitrary: value },
    {
      weight: 60,
      arbitrary: fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2099-12-31') })
        .map((d) => d.toISOString()),
    },
  ),
  originalTimestamp: fc.oneof(text, fc.constantFrom(1_768_471_200, 5)),
  sentAt: fc.oneof(text, fc.constantFrom(1_768_471_300, 5)),
  properties: often(fields, list, empty),
  traits: often(fields, list, empty),
  context: fc.oneof(
    { weight: 40, arbitrary: fields },
    { weight: 10, arbitrary: fc.record({ device: fc.record({ advertisingId: leaf }) }) },
    { weight: 1, arbitrary: fc.record({ consent: value }) },
    { weight: 4, arbitrary: fc.record({ groupId: number }) },
    { weight: 8, arbitrary: fc.record({ traits: fc.oneof(fields, fields, value) }) },
    { weight: 2, arbitrary: list },
    { weight: 2, arbitrary: empty },
    { weight: 1, arbitrary: value },
  ),
  integrations: often(fields, list, empty),
  _repairs: value,
  writeKey: fc.oneof(
    { weight: 40, arbitrary: fc.constant('key12345') },
    { weight: 1, arbitrary: leaf },
  ),
  extra: value,
};

/** An event that is mostly valid, with any field possibly wrong. */
export const nearlyEvent: fc.Arbitrary<Record<string, unknown>> = fc
  .oneof(
    { weight: 4, arbitrary: fc.record(eventFields, { requiredKeys: ['type', 'userId', 'event'] }) },
    { weight: 1, arbitrary: fc.record(eventFields, { requiredKeys: [] }) },
  )
  .map((event) => ({ ...event }));

/** A batch body of such events, with batch-level fields. */
export const nearlyBatch: fc.Arbitrary<Record<string, unknown>> = fc
  .record(
    {
      batch: fc.oneof(
        { weight: 40, arbitrary: fc.array(nearlyEvent, { minLength: 1, maxLength: 4 }) },
        { weight: 1, arbitrary: value },
      ),
      writeKey: fc.oneof(
        { weight: 40, arbitrary: fc.constant('key12345') },
        { weight: 1, arbitrary: leaf },
      ),
      context: fc.oneof(
        often(fields, list, empty),
        fc.record({ groupId: number }),
        fc.record({ traits: fc.oneof(fields, value) }),
      ),
      integrations: often(fields, list, empty),
      sentAt: fc.oneof(text, fc.constantFrom(1_768_471_300, 5)),
    },
    { requiredKeys: ['batch'] },
  )
  .map((body) => ({ ...body }));

/** Any JSON value. */
export const anyJson = value;

/** Bytes of a JSON text, sometimes with one byte changed, removed or doubled. */
export function damaged(body: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  const whole = fc
    .tuple(body, fc.constantFrom(undefined, 1, '\t'))
    .map(([json, space]) => Buffer.from(JSON.stringify(json, undefined, space)));
  const changed = fc
    .tuple(
      whole,
      fc.nat(),
      fc.oneof(fc.nat(255), fc.constantFrom(0x22, 0x5c, 0x7b, 0x2c)),
      fc.nat(2),
    )
    .map(([bytes, place, byte, how]) => {
      const at = place % Math.max(1, bytes.length);
      const end = how === 0 ? at : how === 1 ? at + 1 : Math.max(0, at - 1);
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(end)]);
    });
  return fc.oneof({ weight: 40, arbitrary: whole }, { weight: 1, arbitrary: changed });
}
