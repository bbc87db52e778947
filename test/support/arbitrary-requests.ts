/** Requests that the collector may take, with whatever a body can hold. */
import fc from 'fast-check';
import type { RouteName } from '../../src/events/routes.ts';
import { damaged, nearlyBatch, nearlyEvent } from './arbitrary-json.ts';

const NUMBERS = '{"a":12345678901234567890123,"b":9007199254740993,"c":1.0,"d":1e400,"e":-0}';

/** More members than are compared one by one, and the last one again. */
const WIDE = `{${Array.from({ length: 40 }, (_, n) => `"k${n}":${n}`).join(',')},"k39":0}`;

/** Keys twice, keys escaped, numbers that no double holds, and words that are no JSON. */
const odd = (body: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(body, body, fc.nat(34)).map(([one, two, how]) => {
    const [text, other] = [one.toString(), two.toString()];
    if (how === 0) return Buffer.from(text.replace(/\}\s*$/, `,${other.replace(/^\s*\{/, '')}`));
    if (how === 1) return Buffer.from(text.replaceAll('"name"', String.raw`"\u006eame"`));
    if (how === 2)
      return Buffer.from(text.replaceAll('"properties"', '"properties":{"p":1},"properties"'));
    if (how === 3) return Buffer.from(text.replaceAll('"x":', `"n":${NUMBERS},"x":0,"x":`));
    if (how === 4) return Buffer.from(`\ufeff ${text}`);
    if (how === 5)
      return Buffer.from(text.replaceAll('null', '{"ip":null,"direct":true,"groupId":"g"}'));
    if (how === 6) return Buffer.from(text.replaceAll('{', '{\r\n'));
    if (how === 7) return Buffer.from(text.replaceAll('{', '{"x":1.0,"x":[{"y":1,"y":2.50}],'));
    if (how === 8)
      return Buffer.from(text.replaceAll('"x":', String.raw`"s":"\ud800","\udc00\ud83d":0,"x":`));
    if (how === 9)
      return Buffer.from(text.replaceAll('"context":', `"context":${WIDE},"context":`));
    if (how === 10) return Buffer.from(text.replaceAll('"u1"', '675127116845989888'));
    if (how === 11) return Buffer.from(text.replaceAll('"u1"', '-1.50E+400'));
    if (how === 12) return Buffer.from(text.replaceAll('[]', '[\r\n ]'));
    if (how === 13) return Buffer.from(text.replace(/(true|null|\d+)(?=[,}])/, 'NaN'));
    if (how === 14) return Buffer.from(text.replaceAll('false', '-Infinity'));
    return one;
  });

export interface ArbitraryRequest {
  route: RouteName;
  body: Buffer;
  ip: string;
}

export const arbitraryRequests: fc.Arbitrary<ArbitraryRequest> = fc.oneof(
  fc.record({
    route: fc.constantFrom<RouteName>('batch', 'b', 'import'),
    body: odd(damaged(nearlyBatch)),
    ip: fc.constantFrom('1.2.3.4', '', '2001:db8::1'),
  }),
  fc.record({
    route: fc.constantFrom<RouteName>(
      'track',
      't',
      'page',
      'p',
      'g',
      'alias',
      'identify',
      'pixel/page',
    ),
    body: odd(damaged(nearlyEvent)),
    ip: fc.constantFrom('1.2.3.4', ''),
  }),
);
