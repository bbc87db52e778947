/** What the simulated disk does that no test can ask of a real one: cuts, lies and full disks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DiskFile } from '../../src/base/disk.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';

const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);
const FOLDER = '/data';
const PATH = '/data/a';

async function put(file: DiskFile, text: string, position = 0): Promise<number> {
  return await file.write(Buffer.from(text), 0, text.length, position);
}

/** A disk with an empty file whose name is durable. */
async function withFile(
  seed: number,
  mode: 'write' | 'write-durable' = 'write',
): Promise<{ simulated: SimulatedDisk; file: DiskFile }> {
  const simulated = createSimulatedDisk(seed);
  await simulated.disk.makeFolder(FOLDER);
  const file = await simulated.disk.open(PATH, mode);
  await simulated.disk.syncFolder(FOLDER);
  return { simulated, file };
}

test('synced bytes survive every power cut; unsynced ones survive some, torn by sectors', async () => {
  const outcomes = new Set<string>();
  for (const seed of SEEDS) {
    const { simulated, file } = await withFile(seed);
    await put(file, 'd'.repeat(700));
    await file.sync();
    await put(file, 'n'.repeat(1024), 512);
    simulated.powerCut();
    const text = simulated.bytesOf(PATH).toString('latin1');
    assert.match(text, /^d{512}/);
    assert.ok(text.length >= 700);
    const sectors = [text.slice(512, 1024), text.slice(1024)].map((part) =>
      [...new Set(part)].join(''),
    );
    outcomes.add(JSON.stringify(sectors));
  }
  for (const seen of [
    '["d",""]',
    '["n","n"]',
    '["n",""]',
    '["d\\u0000","n"]',
    '["d\\u0000","\\u0000"]',
  ]) {
    assert.ok(outcomes.has(seen), `${seen} in ${[...outcomes].join(' ')}`);
  }
});

test('a durable write survives when its promise has resolved, and may not when it has not', async () => {
  let survived = 0;
  for (const seed of SEEDS) {
    const { simulated, file } = await withFile(seed, 'write-durable');
    await put(file, 'done');
    let isAnswered = false;
    void put(file, 'begun', 4).then(() => (isAnswered = true));
    simulated.powerCut();
    await new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));
    assert.equal(isAnswered, false, 'the dead hear nothing');
    const text = simulated.bytesOf(PATH).toString('latin1');
    assert.match(text, /^done(begun|\0*)$/);
    if (text === 'donebegun') survived++;
  }
  assert.ok(survived > 0 && survived < SEEDS.length);
});

test('an unsynced write stays unsynced when another handle writes durably beside it', async () => {
  let lost = 0;
  for (const seed of SEEDS) {
    const { simulated, file } = await withFile(seed);
    await put(file, 'x'.repeat(512));
    const durable = await simulated.disk.open(PATH, 'write-durable');
    await put(durable, 'y', 512);
    simulated.powerCut();
    const text = simulated.bytesOf(PATH).toString('latin1');
    assert.equal(text[512], 'y');
    if (text[0] === '\0') lost++;
  }
  assert.ok(lost > 0 && lost < SEEDS.length);
});

test('names that were not synced may vanish, return or be undone', async () => {
  const outcomes = new Set<string>();
  for (const seed of SEEDS) {
    const { simulated } = await withFile(seed);
    const { disk } = simulated;
    await disk.open('/data/gone', 'write');
    await disk.syncFolder(FOLDER);
    await disk.rename(PATH, '/data/b');
    await disk.remove('/data/gone');
    await disk.open('/data/new', 'write');
    simulated.powerCut();
    outcomes.add(simulated.paths().join(' ').replaceAll('/data/', ''));
  }
  assert.ok(outcomes.has('a gone') && outcomes.has('b new') && outcomes.has('a new'));
  assert.ok(
    [...outcomes].every((names) => /\ba\b/.test(names) !== /\bb\b/.test(names)),
    'a rename is one step',
  );
  const { simulated } = await withFile(1);
  await simulated.disk.rename(PATH, '/data/b');
  await simulated.disk.syncFolder(FOLDER);
  simulated.powerCut();
  assert.deepEqual(simulated.paths(), ['/data/b']);
});

test('a kill loses nothing that was written, and ends the life of all open files', async () => {
  const { simulated, file } = await withFile(1);
  await put(file, 'abc');
  const { disk } = simulated;
  simulated.kill();
  assert.equal(simulated.bytesOf(PATH).toString(), 'abc');
  let isAnswered = false;
  void disk.remove(PATH).finally(() => (isAnswered = true));
  void put(file, 'x').finally(() => (isAnswered = true));
  await new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));
  assert.equal(isAnswered, false);
  assert.equal(simulated.bytesOf(PATH).toString(), 'abc');
});

test('the operation that is chosen fails with the errno that is chosen', async () => {
  const { simulated, file } = await withFile(1);
  const seen: string[] = [];
  const first = simulated.operations();
  simulated.onOperation = ({ kind, path, index }) => {
    seen.push(`${kind} ${path}`);
    return index === first + 1 ? 'EDQUOT' : undefined;
  };
  await put(file, 'a');
  await assert.rejects(simulated.disk.open('/data/b', 'write'), { code: 'EDQUOT' });
  await file.sync();
  assert.deepEqual(seen, ['write /data/a', 'open /data/b', 'sync /data/a']);
  assert.deepEqual(simulated.paths(), [PATH]);
});

test('a failed sync loses what it was asked to keep', async () => {
  const { simulated, file } = await withFile(1);
  simulated.onOperation = ({ kind }) => (kind === 'sync' ? 'EIO' : undefined);
  await put(file, 'abc');
  await assert.rejects(file.sync(), { code: 'EIO' });
  simulated.onOperation = () => undefined;
  await file.sync();
  simulated.powerCut();
  assert.equal(simulated.bytesOf(PATH).length, 0);
});

test('a full disk takes what fits, and then nothing until there is space', async () => {
  const { simulated, file } = await withFile(1);
  simulated.capacityBytes = 5;
  assert.equal(await put(file, 'abcdefg'), 5);
  await assert.rejects(put(file, 'fg', 5), { code: 'ENOSPC' });
  assert.equal(await put(file, 'ABCDE'), 5, 'rewriting needs no space');
  assert.equal(await simulated.disk.freeBytes(FOLDER), 0);
  simulated.capacityBytes = 100;
  assert.equal(await put(file, 'fg', 5), 2);
  assert.equal(simulated.bytesOf(PATH).toString(), 'ABCDEfg');
});

test('writes can be shortened, bits flipped, and files put in place', async () => {
  const { simulated, file } = await withFile(1);
  simulated.onWriteLength = () => 3;
  assert.equal(await put(file, 'abcdefg'), 3);
  simulated.flip(PATH, 1);
  assert.equal(simulated.bytesOf(PATH).toString(), 'acc');
  simulated.put('/data/b', Buffer.from('foreign'));
  simulated.powerCut();
  assert.equal(simulated.bytesOf('/data/b').toString(), 'foreign');
});
