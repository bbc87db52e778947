/** What an answer means: the table of docs/delivery-reasons.md, status by status. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '../../src/base/errors.ts';
import {
  outcomeOfAnswer,
  outcomeOfError,
  responseText,
  retryAfterMs,
} from '../../src/destinations/http-outcome.ts';

const WALL_MS = Date.parse('2026-03-04T05:06:07.000Z');

function outcome(status: number, events = 1, headers: Record<string, string> = {}, body = '') {
  const answer = { status, headers, body: Buffer.from(body), isTruncated: false };
  return outcomeOfAnswer(answer, { wallMs: WALL_MS, events });
}

function kindOf(status: number, events = 1): string {
  const found = outcome(status, events);
  const scope = found.kind === 'retry' ? ` ${found.scope}` : '';
  return found.kind === 'delivered' ? 'delivered' : `${found.kind}${scope} ${found.reason}`;
}

test('every status has its meaning', () => {
  const expected: Record<string, readonly number[]> = {
    delivered: [200, 201, 202, 204, 299],
    'retry destination CREDENTIALS_REFUSED': [401, 403],
    'retry destination RATE_LIMITED': [429],
    'retry destination HTTP_STATUS': [408, 423, 425, 500, 502, 503, 504, 507, 511, 599],
    'dead HTTP_STATUS': [301, 302, 307, 400, 404, 405, 410, 413, 414, 422, 451, 501, 505],
  };
  for (const [kind, statuses] of Object.entries(expected)) {
    for (const status of statuses) assert.equal(kindOf(status), kind, String(status));
  }
});

test('a batch is taken apart where one bad event may be the cause', () => {
  for (const status of [400, 413, 422]) assert.equal(kindOf(status, 2), 'isolate BATCH_REFUSED');
  for (const status of [404, 410]) assert.equal(kindOf(status, 2), 'dead HTTP_STATUS');
  assert.equal(kindOf(503, 2), 'retry destination HTTP_STATUS');
});

test('a failure says the status, and keeps the beginning of the answer', () => {
  const found = outcome(422, 1, {}, 'missing field');
  assert.deepEqual(found, {
    kind: 'dead',
    reason: 'HTTP_STATUS',
    status: 422,
    message: 'the service answered 422',
    response: 'missing field',
  });
});

test('Retry-After is seconds or a date, and bounded', () => {
  const later = new Date(WALL_MS + 90_000).toUTCString();
  const cases: [string | undefined, number | undefined][] = [
    [undefined, undefined],
    ['120', 120_000],
    [' 5 ', 5_000],
    ['0', 0],
    [later, 90_000],
    [new Date(WALL_MS - 90_000).toUTCString(), 0],
    ['86400', 4 * 3_600_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 4 * 3_600_000],
    ['soon', undefined],
    ['', undefined],
    ['1.5e99999', undefined],
  ];
  for (const [value, expected] of cases) {
    assert.equal(retryAfterMs(value, WALL_MS), expected, String(value));
  }
  for (const status of [429, 503, 408]) {
    const found = outcome(status, 1, { 'retry-after': '7' });
    assert.equal(found.kind === 'retry' && found.afterMs, 7_000, String(status));
  }
});

test('trouble on the way is retried, under the reason that it has', () => {
  const reasons: Record<string, string> = {
    'timeout: crm.example did not answer': 'TIMEOUT',
    'aborted: crm.example was not waited for': 'TIMEOUT',
    'refused: timeout.example could not be reached': 'NETWORK',
    'dns: crm.example could not be resolved': 'NETWORK',
    'reset: crm.example closed the connection': 'NETWORK',
    'tls: crm.example could not be trusted': 'NETWORK',
    'protocol: crm.example did not speak HTTP': 'NETWORK',
  };
  for (const [message, reason] of Object.entries(reasons)) {
    const found = outcomeOfError(new MillraceError('NET_FAILED', message));
    assert.deepEqual(found, { kind: 'retry', scope: 'destination', reason, message });
  }
  const refused = outcomeOfError(new MillraceError('ADDRESS_REFUSED', 'not allowed'));
  assert.equal(refused.kind === 'retry' && refused.reason, 'ADDRESS_REFUSED');
});

test('what is not trouble of the network is thrown on', () => {
  const defect = new TypeError('undefined is not a function');
  assert.throws(() => outcomeOfError(defect), defect);
  const other = new MillraceError('CONFLICT', 'no');
  assert.throws(() => outcomeOfError(other), other);
});

test('the text of an answer is short and harmless', () => {
  assert.equal(responseText(Buffer.from('a\0b\r\n\x1b[31mc')), 'a b [31mc');
  assert.equal(responseText(Buffer.alloc(1_000_000, 'x')).length, 2_048);
  assert.equal(responseText(Buffer.from([0xff, 0xfe, 0x41])), '\ufffd\ufffdA');
  const shared = Buffer.from('--inner--');
  assert.equal(responseText(shared.subarray(2, 7)), 'inner');
});
