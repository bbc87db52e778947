/** The cookie that stands for the admin token. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTokenSessions, TOKEN_SESSION_MS } from '../../src/admin/token-session.ts';

const clock = { nowMs: Date.UTC(2026, 0, 1), wallMs: () => clock.nowMs };
const sessionsOf = (token: string) =>
  createTokenSessions(token, {
    wallMs: clock.wallMs,
    monotonicMs: clock.wallMs,
    sleep: () => Promise.resolve(),
    after: () => () => undefined,
  });

test('it is valid until its end, for the token that it was given for', () => {
  const sessions = sessionsOf('the-token');
  const cookie = sessions.begin();
  assert.ok(!cookie.includes('the-token'));
  assert.equal(sessions.isValid(cookie), true);
  assert.equal(sessionsOf('another-token').isValid(cookie), false);
  clock.nowMs += TOKEN_SESSION_MS - 1;
  assert.equal(sessions.isValid(cookie), true);
  clock.nowMs += 1;
  assert.equal(sessions.isValid(cookie), false);
});

test('nobody makes one up, or makes one last longer', () => {
  const sessions = sessionsOf('the-token');
  const cookie = sessions.begin();
  const [kind, ends, signature = ''] = cookie.split('.');
  const later = String(Number(ends) + 1);
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  for (const made of [
    '',
    'token',
    `${kind}.${later}.${signature}`,
    `${kind}.${ends}.${flipped}`,
    `${kind}.${ends}.${signature.slice(1)}`,
    `${kind}.${ends}.`,
    `${kind}.NaN.${signature}`,
    `user.${ends}.${signature}`,
    `${cookie} `,
  ]) {
    assert.equal(sessions.isValid(made), false, made);
  }
});
