/** One dead destination among ten: the other nine do not notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeService } from '../support/fake-service.ts';
import type { FakeService } from '../support/fake-service.ts';
import { startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

const DESTINATIONS = 10;
const EVENTS = 400;

test('nine destinations receive everything while the tenth hangs, answers rubbish or is gone', async (t) => {
  const healthy = await startFakeService();
  const sick = await startFakeService();
  const destinations = Array.from({ length: DESTINATIONS }, (_, n) => ({
    name: `D${n}`,
    slug: `d${n}`,
    type: 'webhook',
    settings: { url: `${(n === 0 ? sick : healthy).url}/d${n}` },
  }));
  const server = await startTestServer({
    config: {
      net: { allow: ['127.0.0.1'], timeoutMs: 2_000 },
      deliver: { retryDelayMsMin: 10, retryDelayMsMax: 200, breakerDelayMsMax: 200 },
      destinations,
    },
  });
  let wave = 0;
  /** Sends events and returns how long the nine took to have them all. */
  const waveMs = async (): Promise<number> => {
    wave++;
    const startedMs = performance.now();
    const batch = Array.from({ length: EVENTS }, (_, n) => ({
      type: 'track',
      userId: `u${n % 50}`,
      event: `Wave ${wave}`,
      messageId: `w${wave}-${n}`,
    }));
    assert.equal((await server.post('/v1/batch', { batch })).status, 200);
    await until(
      'the nine have everything',
      () => countUnique(healthy) === wave * EVENTS * (DESTINATIONS - 1),
      60_000,
    );
    return performance.now() - startedMs;
  };
  try {
    const usual = Math.min(await waveMs(), await waveMs());
    for (const fault of ['hang', 'endless-body', 'garbage', 'reset', { status: 500 }] as const) {
      sick.always(fault);
      const asked = sick.requests.length;
      const ratio = (await waveMs()) / usual;
      t.diagnostic(`${JSON.stringify(fault)}: ${ratio.toFixed(2)} of the usual time`);
      await until('the tenth met the fault', () => sick.requests.length > asked, 60_000);
    }
    sick.always(null);
    await until('the tenth catches up', () => countUnique(sick) === EVENTS * wave, 120_000);
    const { code, stdout } = await server.cli('verify');
    assert.equal(code, 0, stdout);
  } finally {
    await server.stop();
    await healthy.close();
    await sick.close();
  }
});

interface Seen {
  requests: number;
  events: Set<string>;
}

const seenBy = new Map<FakeService, Seen>();

/** Events by destination: on a slow machine a request may come again after its time was up. */
function countUnique(service: FakeService): number {
  const seen = seenBy.get(service) ?? { requests: 0, events: new Set<string>() };
  seenBy.set(service, seen);
  for (const { path, body } of service.taken.slice(seen.requests)) {
    seen.requests++;
    seen.events.add(`${path} ${(JSON.parse(body) as { messageId: string }).messageId}`);
  }
  return seen.events.size;
}
