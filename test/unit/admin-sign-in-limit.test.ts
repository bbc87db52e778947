/** How often somebody may guess a password (fault F44). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSignInLimit } from '../../src/admin/sign-in-limit.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const HERE = '192.0.2.1';

function scene(settings: { perAddress: number; perName: number }) {
  const clock = createVirtualClock();
  const limit = createSignInLimit(settings, clock);
  const allowed = (address: string, email: string): boolean => {
    try {
      limit.take(address, email);
      return true;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'TOO_MANY_ATTEMPTS');
      return false;
    }
  };
  const count = (address: string, emails: readonly string[]): number =>
    emails.filter((email) => allowed(address, email)).length;
  const pass = async (ms: number): Promise<void> => {
    const endMs = clock.monotonicMs() + ms;
    const slept = clock.sleep(ms);
    await clock.runUntil(() => clock.monotonicMs() >= endMs);
    await slept;
  };
  return { limit, allowed, count, pass };
}

const times = (count: number, email: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => email(at));

test('one name is guessed from many addresses only so often', () => {
  const { allowed } = scene({ perAddress: 100, perName: 3 });
  const answers = times(5, (at) => `192.0.2.${at}`).map((address) => allowed(address, 'a@b.co'));
  assert.deepEqual(answers, [true, true, true, false, false]);
  assert.equal(allowed(HERE, 'A@B.CO'), false, 'the case of a name does not matter');
});

test('one address guesses many names only so often', () => {
  const { count, allowed } = scene({ perAddress: 3, perName: 100 });
  assert.equal(
    count(
      HERE,
      times(9, (at) => `${at}@b.co`),
    ),
    3,
  );
  assert.equal(allowed('192.0.2.2', 'x@b.co'), true, 'another address is not concerned');
});

test('attempts come back with time', async () => {
  const { count, pass } = scene({ perAddress: 100, perName: 4 });
  const one = times(9, () => 'a@b.co');
  assert.equal(count(HERE, one), 4);
  await pass(30_000);
  assert.equal(count(HERE, one), 2);
  await pass(600_000);
  assert.equal(count(HERE, one), 4);
});

test('a right password gives its name a new start, not the address', () => {
  const { limit, allowed } = scene({ perAddress: 3, perName: 1 });
  assert.equal(allowed(HERE, 'a@b.co'), true);
  assert.equal(allowed(HERE, 'a@b.co'), false);
  limit.succeed('A@b.co');
  assert.equal(allowed(HERE, 'a@b.co'), true);
  limit.succeed('a@b.co');
  assert.equal(allowed(HERE, 'a@b.co'), false);
});
