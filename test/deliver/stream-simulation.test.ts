/**
 * Hundreds of histories of a stream: random events, random trouble, crashes at any commit. Whatever
 * happens, in the end every event is accounted for once, and nothing that should arrive is missing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  DeliveryBatch,
  DeliveryOutcome,
} from '../../src/destinations/destination-contract.ts';
import { deadLetterCount } from '../../src/deliver/dead-letters.ts';
import type { NormalEvent } from '../../src/events/normalise.ts';
import { createScenario, seededRandom } from '../support/delivery-scenario.ts';

const HISTORIES = 60;
const FAILED = { reason: 'HTTP_STATUS', message: 'no' };

interface Acceptance {
  messageId: string;
  key: string;
  crashes: number;
}

for (const order of ['user', 'log'] as const) {
  test(`every event ends in one state, whatever fails and wherever it crashes (${order})`, async () => {
    for (let seed = 1; seed <= HISTORIES; seed++) await playHistory(order, seed);
  });
}

async function playHistory(order: 'user' | 'log', seed: number): Promise<void> {
  const random = seededRandom(seed);
  const accepted: Acceptance[] = [];
  const batches = new Map<string, string>();
  let crashes = 0;
  let isHealed = false;
  const deliver = async (batch: DeliveryBatch, signal: AbortSignal): Promise<DeliveryOutcome[]> => {
    const ids = batch.events.map(({ messageId }) => messageId).join();
    if (order === 'log') {
      const known = batches.get(batch.token);
      assert.ok(known === undefined || known === ids, `seed ${seed}: a token means one batch`);
      batches.set(batch.token, ids);
    }
    const take = (at: number): DeliveryOutcome => {
      const event = batch.events[at];
      assert.ok(event);
      accepted.push({ messageId: event.messageId, key: event.idempotencyKey, crashes });
      return { kind: 'delivered' };
    };
    const all = (outcome: DeliveryOutcome) => batch.events.map(() => outcome);
    await scenario.clock.sleep(random.below(500));
    const trouble = isHealed ? 9 : random.below(10);
    if (trouble === 0) throw new Error('a defect');
    if (trouble === 1) return all({ kind: 'retry', scope: 'destination', ...FAILED });
    if (trouble === 2) {
      // It did it all, and its answer is lost.
      batch.events.forEach((_, at) => take(at));
      return all({ kind: 'retry', scope: 'destination', ...FAILED });
    }
    if (trouble === 3) {
      await scenario.clock.sleep(1_000_000, signal).catch(() => undefined);
      return all({ kind: 'retry', scope: 'destination', ...FAILED });
    }
    const failedUsers = new Set<string | null>();
    return batch.events.map((event, at): DeliveryOutcome => {
      // A service that keeps the order of a user does not go on behind a failure.
      const isBehind = failedUsers.has(event.userId);
      const chance = isHealed || order === 'log' ? 9 : random.below(12);
      if (isBehind || chance === 0) {
        failedUsers.add(event.userId);
        return { kind: 'retry', scope: 'event', ...FAILED };
      }
      if (Number(event.messageId.length + event.position / 100) % 17 === 0) {
        return { kind: 'dead', ...FAILED };
      }
      return take(at);
    });
  };
  const settings = { windowEvents: 40 };
  const scenario = await createScenario({ order, random, deliver, settings });
  const written: NormalEvent[] = [];
  scenario.start();
  for (let step = 0; step < 30; step++) {
    const count = 1 + random.below(4);
    const users = Array.from({ length: count }, () => ({ userId: `u${random.below(4)}` }));
    written.push(...scenario.write(...users));
    const untilMs = scenario.clock.monotonicMs() + random.below(3_000);
    await scenario.clock.runUntil(() => scenario.clock.monotonicMs() >= untilMs);
    if (random.below(6) > 0) continue;
    scenario.crash();
    crashes++;
    scenario.start();
  }
  isHealed = true;
  await scenario.clock.runUntil(() => scenario.isIdle() || scenario.end() !== null);
  assert.equal(scenario.end(), null, `seed ${seed}`);

  const counts = scenario.counts();
  const dead = deadLetterCount(scenario.state().database);
  const sum = (counts['delivered'] ?? 0) + dead;
  assert.equal(sum, written.length, `seed ${seed}: ${JSON.stringify(counts)} and ${dead} dead`);
  const deadIds = new Set(
    scenario
      .state()
      .database.prepare('select message_id from dead_letters')
      .all()
      .map((row) => String(row['message_id'])),
  );
  checkAcceptances(seed, order, written, accepted, deadIds);
  await scenario.remove();
}

function checkAcceptances(
  seed: number,
  order: string,
  written: readonly NormalEvent[],
  accepted: readonly Acceptance[],
  deadIds: ReadonlySet<string>,
): void {
  const firstAt = new Map<string, number>();
  const keys = new Map<string, string>();
  accepted.forEach(({ messageId, key }, at) => {
    if (!firstAt.has(messageId)) firstAt.set(messageId, at);
    assert.equal(keys.get(messageId) ?? key, key, `seed ${seed}: one key for ${messageId}`);
    keys.set(messageId, key);
  });
  const lastOfUser = new Map<string, number>();
  for (const { messageId, userId } of written) {
    if (deadIds.has(messageId)) continue;
    const at = firstAt.get(messageId);
    assert.ok(at !== undefined, `seed ${seed}, ${order}: ${messageId} has arrived`);
    const user = String(userId);
    assert.ok(at > (lastOfUser.get(user) ?? -1), `seed ${seed}: ${user} kept its order`);
    lastOfUser.set(user, at);
  }
}
