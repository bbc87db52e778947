/**
 * The promise of the log under every single fault and many double ones: what was acknowledged is
 * read once, in order, at its position; what was reported as failed is not.
 *
 * A fixed workload runs again and again, and the Nth operation of the disk fails, for N = 1, 2, …
 * until a run is over before its N is reached.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { removeSegmentsBefore } from '../../src/log/segment-retention.ts';
import { append, FOLDER, openLog, readLog } from '../support/log-scenario.ts';
import type { OpenedLog, ReadRecord } from '../support/log-scenario.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';
import type { Operation, SimulatedDisk } from '../support/simulated-disk.ts';

interface Outcome {
  /** Position of each acknowledged text. */
  acknowledged: Map<string, number>;
  failed: Set<string>;
  /** Everything below has been removed by retention. */
  removedBelow: number;
}

const WAVES = [
  ['first'],
  ['second', 'third'.repeat(20), 'fourth'],
  ['fifth'.repeat(60)],
  ['sixth', 'seventh'],
  ['eighth', '', 'ninth'],
];
const SEGMENT_BYTES_MAX = 300;

/** Two lives of a writer, with retention between them; any step may fail. */
async function runWorkload(simulated: SimulatedDisk): Promise<Outcome> {
  const outcome: Outcome = { acknowledged: new Map(), failed: new Set(), removedBelow: 0 };
  for (const life of [1, 2]) {
    const opened = await openLog(simulated, { segmentBytesMax: SEGMENT_BYTES_MAX }).catch(
      () => undefined,
    );
    if (!opened) continue;
    for (const [wave, texts] of WAVES.entries()) {
      const named = texts.map((text) => `${life}.${wave} ${text}`);
      await Promise.all(named.map((text) => appendTo(opened, text, outcome)));
    }
    await opened.writer.close().catch(() => undefined);
    if (life === 1) {
      const position = 450;
      const removal = removeSegmentsBefore({ disk: simulated.disk, folder: FOLDER, position });
      outcome.removedBelow = position;
      await removal.catch(() => undefined);
    }
    simulated.kill();
  }
  return outcome;
}

async function appendTo({ writer }: OpenedLog, text: string, outcome: Outcome): Promise<void> {
  try {
    outcome.acknowledged.set(text, await append(writer, text));
  } catch {
    outcome.failed.add(text);
  }
}

/** Opens the log without faults, and compares what is read with what was promised. */
async function judge(simulated: SimulatedDisk, outcome: Outcome, label: string): Promise<void> {
  simulated.onOperation = () => undefined;
  simulated.onWriteLength = (_, length) => length;
  const { writer, alarms } = await openLog(simulated, { segmentBytesMax: SEGMENT_BYTES_MAX });
  assert.ok(!alarms.some(({ kind }) => kind === 'durable-lost' || kind === 'damage'), label);
  await append(writer, 'after the fault');
  await writer.close();
  const { records, damage } = await readLog(simulated.disk, { upTo: writer.durablePosition() });
  assert.deepEqual(damage, [], label);
  assertKept(records, outcome, label);
  assert.equal(records.at(-1)?.text, 'after the fault', label);
}

function assertKept(records: readonly ReadRecord[], outcome: Outcome, label: string): void {
  const texts = records.map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length, `${label}: a record is read twice`);
  for (const [text, position] of outcome.acknowledged) {
    assert.ok(!outcome.failed.has(text), `${label}: ${text} was acknowledged and failed`);
    const read = records.find((record) => record.text === text);
    if (!read && position < outcome.removedBelow) continue;
    assert.equal(read?.position, position, `${label}: ${text}`);
  }
  const positions = records.map(({ position }) => position);
  assert.deepEqual(
    positions,
    positions.toSorted((a, b) => a - b),
    label,
  );
}

/** The errno that each operation that may fail can fail with. */
function errnoFor({ kind }: Operation, isFull: boolean): string {
  return isFull && (kind === 'write' || kind === 'open') ? 'ENOSPC' : 'EIO';
}

async function failEach(
  seed: number,
  choose: (operation: Operation, at: number) => string | undefined,
  check: (outcome: Outcome, records: readonly ReadRecord[], label: string) => void,
): Promise<number> {
  for (let at = 0; ; at++) {
    const simulated = createSimulatedDisk(seed + at);
    let isReached = false;
    simulated.onOperation = (operation) => {
      if (operation.index >= at) isReached = true;
      return choose(operation, at);
    };
    const outcome = await runWorkload(simulated);
    if (!isReached) return at;
    const label = `operation ${at}`;
    await judge(simulated, outcome, label);
    const { records } = await readLog(simulated.disk);
    check(outcome, records, label);
  }
}

test('when any one operation of the disk fails, acknowledged records are kept and failed ones not', async () => {
  for (const isFull of [false, true]) {
    let failures = 0;
    const operations = await failEach(
      100,
      (operation, at) => (operation.index === at ? errnoFor(operation, isFull) : undefined),
      ({ acknowledged, failed }, records, label) => {
        failures += failed.size;
        assert.ok(acknowledged.size > 0, label);
        for (const { text } of records) assert.ok(!failed.has(text), `${label}: ${text} came back`);
      },
    );
    assert.ok(operations > 60, `${operations} operations were tried`);
    assert.ok(failures > 30, `${failures} records have failed`);
  }
});

test('when an operation and the next of its kind fail, acknowledged records are kept', async () => {
  let kind: string | undefined;
  let left = 0;
  await failEach(
    200,
    (operation, at) => {
      if (operation.index === 0) left = 2;
      if (operation.index === at) ({ kind } = operation);
      const isChosen = operation.index >= at && operation.kind === kind && left > 0;
      if (isChosen) left--;
      return isChosen ? 'EIO' : undefined;
    },
    () => undefined,
  );
});

test('when the disk fails for a while from any operation on, the log recovers by itself', async () => {
  for (const length of [3, 9]) {
    await failEach(
      300,
      ({ index }, at) => (index >= at && index < at + length ? 'EIO' : undefined),
      () => undefined,
    );
  }
});

test('short writes of every length change nothing', async () => {
  for (let length = 1; length < 120; length += 3) {
    const simulated = createSimulatedDisk(length);
    simulated.onWriteLength = ({ path }, wanted) =>
      path.endsWith('.log') ? Math.min(wanted, length) : wanted;
    const outcome = await runWorkload(simulated);
    assert.equal(outcome.failed.size, 0);
    await judge(simulated, outcome, `length ${length}`);
  }
});

test('a disk of any size fills up without a loss, and is written to when it has grown', async () => {
  for (let capacity = 0; capacity < 1_600; capacity += 13) {
    const simulated = createSimulatedDisk(capacity);
    simulated.capacityBytes = capacity;
    const outcome = await runWorkload(simulated);
    // A torn tail needs space for its copy.
    simulated.capacityBytes = Infinity;
    await judge(simulated, outcome, `capacity ${capacity}`);
  }
});
