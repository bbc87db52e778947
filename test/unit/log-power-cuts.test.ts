/**
 * Many lives of one partition on one disk, each ended by a kill or a power cut at a random moment,
 * with faults, retention and a reader in between, all from a seed. After each: what was
 * acknowledged is read once at its position, and nothing is called damaged on a disk that has
 * kept what it promised.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLogReader } from '../../src/log/log-reader.ts';
import { removeSegmentsBefore } from '../../src/log/segment-retention.ts';
import { listSegments } from '../../src/log/segments.ts';
import { FOLDER, openLog, readLog, turn } from '../support/log-scenario.ts';
import { createSimulatedDisk, diceOf } from '../support/simulated-disk.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

const ROUNDS = Number(process.env['MILLRACE_TEST_POWER_CUTS'] ?? 300);
const LIVES = 5;

interface History {
  /** Text at each acknowledged position. */
  acknowledged: Map<number, string>;
  /** What a reader has seen below a durable end: it may not change either. */
  seen: Map<number, string>;
  appended: number;
  removedBelow: number;
  seenEnd: number;
}

async function live(
  simulated: SimulatedDisk,
  history: History,
  below: (bound: number) => number,
  hasFaults: boolean,
): Promise<void> {
  let isAlive = true;
  let countdown = 3 + below(90);
  simulated.onOperation = ({ kind }) => {
    if (!isAlive) return undefined;
    if (--countdown === 0) {
      isAlive = false;
      if (below(3) === 0) simulated.kill();
      else simulated.powerCut();
      return undefined;
    }
    const mayFail = hasFaults && kind !== 'read' && kind !== 'list' && kind !== 'size';
    return mayFail && below(25) === 0 ? 'EIO' : undefined;
  };
  const work = workUntilDeath(simulated, history, below, () => isAlive);
  // Operations of the dead never settle: the work is left alone when its life is over.
  while (isAlive) await Promise.race([work, turn()]);
  await turn();
  simulated.onOperation = () => undefined;
}

async function workUntilDeath(
  simulated: SimulatedDisk,
  history: History,
  below: (bound: number) => number,
  isAlive: () => boolean,
): Promise<void> {
  const segmentBytesMax = 700;
  const opened = await openLog(simulated, { segmentBytesMax }).catch(() => undefined);
  while (!opened && isAlive()) await simulated.disk.exists(FOLDER).catch(() => undefined);
  if (!opened) return;
  const { writer, alarms } = opened;
  const unexpected = alarms.filter(({ kind }) => kind === 'damage' || kind === 'durable-lost');
  if (unexpected.length > 0) throw new Error(JSON.stringify(unexpected));
  const from = history.seenEnd;
  const reader = await openLogReader({ disk: simulated.disk, folder: FOLDER, from }).catch(
    () => undefined,
  );
  while (isAlive()) {
    const text = `record ${history.appended++} ${'x'.repeat(below(5) === 0 ? below(1_500) : 9)}`;
    writer.append(Buffer.from(text), Buffer.alloc(0), 0, (error, position) => {
      if (!error && isAlive()) history.acknowledged.set(position, text);
    });
    if (below(3) === 0) await turn();
    if (below(12) === 0 && reader) await readSome(reader, writer.durablePosition(), history);
    if (below(40) === 0) {
      const position = below(Math.max(1, history.seenEnd));
      history.removedBelow = Math.max(history.removedBelow, position);
      await removeSegmentsBefore({ disk: simulated.disk, folder: FOLDER, position }).catch(
        () => undefined,
      );
    }
  }
}

async function readSome(
  reader: Awaited<ReturnType<typeof openLogReader>>,
  upTo: number,
  history: History,
): Promise<void> {
  const part = await reader.read(upTo, 500).catch(() => undefined);
  if (!part) return;
  if (part.damage.length > 0) throw new Error(JSON.stringify(part.damage));
  for (const { position, payload } of part.records) {
    history.seen.set(position, Buffer.from(payload).toString());
  }
  history.seenEnd = Math.max(history.seenEnd, part.next);
}

async function judge(simulated: SimulatedDisk, history: History, label: string): Promise<void> {
  const { writer, alarms } = await openLog(simulated, { positionMin: history.seenEnd });
  const kinds = alarms.map(({ kind }) => kind);
  assert.ok(
    !kinds.includes('damage') && !kinds.includes('durable-lost'),
    `${label}: ${kinds.join()}`,
  );
  const { records, damage } = await readLog(simulated.disk, { upTo: writer.durablePosition() });
  await writer.close();
  assert.deepEqual(damage, [], label);
  const read = new Map(records.map(({ position, text }) => [position, text]));
  assert.equal(new Set(read.values()).size, records.length, `${label}: a record is read twice`);
  const first = (await listSegments(simulated.disk, FOLDER))[0]?.base ?? 0;
  assert.ok(first <= history.removedBelow, label);
  for (const known of [history.acknowledged, history.seen]) {
    for (const [position, text] of known) {
      if (position > first) assert.equal(read.get(position), text, `${label}: at ${position}`);
    }
  }
}

for (const hasFaults of [false, true]) {
  const name = hasFaults ? 'and failing operations ' : '';
  test(`power cuts and kills ${name}lose nothing that was acknowledged or read`, async () => {
    let acknowledged = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const seed = round * 2 + (hasFaults ? 1 : 0);
      const below = diceOf(seed);
      const simulated = createSimulatedDisk(seed + 1_000_000);
      const history: History = {
        acknowledged: new Map(),
        seen: new Map(),
        appended: 0,
        removedBelow: 0,
        seenEnd: 0,
      };
      for (let number = 1; number <= LIVES; number++) {
        await live(simulated, history, below, hasFaults);
        await judge(simulated, history, `seed ${seed}, life ${number}`);
      }
      acknowledged += history.acknowledged.size;
    }
    assert.ok(acknowledged > ROUNDS * LIVES, `${acknowledged} records were acknowledged`);
  });
}

test('the rounds would notice: on a disk that lies about durability records are lost', async () => {
  let lost = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const below = diceOf(seed);
    const simulated = createSimulatedDisk(seed);
    const { disk } = simulated;
    const lying = {
      ...disk,
      open: (path: string, mode: 'read' | 'write' | 'write-durable') =>
        disk.open(path, mode === 'read' ? mode : 'write'),
    };
    const { writer } = await openLog(simulated, { disk: lying });
    let acknowledged = 0;
    for (let at = 0; at < 20; at++) {
      writer.append(Buffer.alloc(100, at), Buffer.alloc(0), 0, () => acknowledged++);
      if (below(2) === 0) await turn();
    }
    await turn();
    simulated.powerCut();
    const { records } = await readLog(simulated.disk);
    lost += Math.max(0, acknowledged - records.length);
  }
  assert.ok(lost > 40, `${lost} records were lost`);
});
