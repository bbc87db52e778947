/** The thread that runs Segment's code: what it cannot do, and what happens when it fails. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/base/clock.ts';
import type { Clock } from '../../src/base/clock.ts';
import type {
  ActionResult,
  ActionsWork,
} from '../../src/destinations/segment-actions/actions-messages.ts';
import { createActionsPool } from '../../src/destinations/segment-actions/actions-pool.ts';
import type { ActionsPool } from '../../src/destinations/segment-actions/actions-pool.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { startSegmentHarness } from '../support/segment-harness.ts';
import type { SegmentHarness } from '../support/segment-harness.ts';

const PACKAGE = createRequire(import.meta.url).resolve('@segment/action-destinations');
const FIXTURE = fileURLToPath(new URL('../fixtures/segment-actions/hostile.cjs', import.meta.url));
const environment = { ACTIONS_X_CLIENT_ID: 'i', MILLRACE_SECRET: 's', PATH: '/bin' };

let opened: { harness: SegmentHarness; pool: ActionsPool } | undefined;
afterEach(async () => {
  await opened?.pool.close();
  await opened?.harness.close();
  opened = undefined;
});

async function start(clock: Clock = systemClock) {
  const harness = await startSegmentHarness();
  const logger = createLogger('test', 'silent');
  const pool = createActionsPool({ clock, logger, environment });
  opened = { harness, pool };
  const run = (partnerAction: string, signal = new AbortController().signal, count = 1) => {
    const work: ActionsWork = {
      destinationId: 'dst_1',
      slug: 'hostile',
      folder: relative(join(dirname(PACKAGE), 'destinations'), FIXTURE),
      settings: { url: `${harness.service.url}/asked` },
      oauth: null,
      renewedOauth: null,
      partnerAction,
      mapping: {},
      isBatch: false,
      events: Array.from({ length: count }, () => ({ type: 'track' })),
    };
    return pool.call('run', work, { net: harness.net, signal });
  };
  /** What the action said. */
  const said = async (action: string): Promise<string> => {
    const [result] = await run(action);
    return textOf(result);
  };
  return { ...harness, pool, run, said };
}

function textOf(result: ActionResult | undefined): string {
  assert.equal(result?.kind, 'failed');
  return result.kind === 'failed' ? result.message : '';
}

test('no client connects by itself', async () => {
  const { said, service } = await start();
  const texts = (await said('sockets')).split('; ');
  assert.equal(texts.length, 4);
  for (const text of texts) assert.match(text, /opens no connections of its own/);
  assert.equal(service.connections(), 0);
});

test('the global fetch goes our way too, and follows no redirect', async () => {
  const { said, service } = await start();
  service.plan({ status: 302, headers: { Location: '/else' } });
  assert.equal(await said('native'), '302 /else');
  assert.deepEqual(
    service.requests.map(({ path }) => path),
    ['/asked'],
  );
});

test("the thread knows nothing of the operator's environment but what Segment's code asks for", async () => {
  const { said } = await start();
  assert.deepEqual(JSON.parse(await said('environment')), ['ACTIONS_X_CLIENT_ID', 'NODE_ENV']);
});

test('answers are not kept: a thousand calls leave none behind', async () => {
  const { run, said, service } = await start();
  const signal = new AbortController().signal;
  for (let at = 0; at < 10; at++) {
    const results = await run('ask', signal, 100);
    assert.ok(results.every(({ kind }) => kind === 'delivered'));
  }
  assert.equal(service.requests.length, 1_000);
  assert.equal(await said('kept'), 'kept 0');
});

test('when the thread ends, its calls fail, and the next call starts another', async () => {
  const { run, said, service } = await start();
  service.plan('hang');
  const hanging = assert.rejects(run('ask'), /thread of Segment actions ended/);
  await assert.rejects(run('exit'), /thread of Segment actions ended/);
  await hanging;
  assert.equal(await said('kept'), 'kept 0');
});

test('a thread that is stuck is ended a while after its call was cancelled', async () => {
  const impatient: Clock = { ...systemClock, sleep: () => Promise.resolve() };
  const { run } = await start(impatient);
  const abort = new AbortController();
  const looping = run('loop', abort.signal);
  abort.abort();
  await assert.rejects(looping, /thread of Segment actions ended/);
});

test('a call that is cancelled fetches nothing any more', async () => {
  const { run, service } = await start();
  const abort = new AbortController();
  service.always('hang');
  const asking = run('ask', abort.signal);
  while (service.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
  abort.abort();
  const [result] = await asking;
  assert.ok(result?.kind === 'failed' && result.cause === 'timeout', JSON.stringify(result));
  while (service.openConnections() > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a pool that is closed fails what is under way, and ends', async () => {
  const { pool, run, service } = await start();
  service.always('hang');
  const asking = assert.rejects(run('ask'), /closed/);
  while (service.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
  await pool.close();
  await asking;
});
