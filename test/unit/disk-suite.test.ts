/**
 * What everybody who holds a Disk may rely on. The machine's disk and the simulated one pass the
 * same suite; otherwise the simulation would prove things about a disk that nobody has.
 */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, stat, symlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { forgetfulDisk } from '../support/forgetful-disk.ts';
import { systemDisk } from '../../src/base/disk.ts';
import type { Disk, DiskFile } from '../../src/base/disk.ts';
import { createSimulatedDisk } from '../support/simulated-disk.ts';

const root = await mkdtemp(join(tmpdir(), 'millrace-disk-'));
after(() => rm(root, { recursive: true }));
let folders = 0;

const DISKS: Record<string, () => Disk> = {
  'the machine': () => systemDisk,
  'the simulation': () => createSimulatedDisk().disk,
};

async function newFolder(disk: Disk): Promise<string> {
  const folder = join(root, `folder-${++folders}`);
  await disk.makeFolder(folder);
  return folder;
}

async function put(file: DiskFile, text: string, position: number): Promise<number> {
  const bytes = Buffer.from(text);
  return await file.write(bytes, 0, bytes.length, position);
}

async function textAt(file: DiskFile, position: number, length: number): Promise<string> {
  const bytes = Buffer.alloc(length);
  return bytes.toString('latin1', 0, await file.read(bytes, 0, length, position));
}

for (const [name, create] of Object.entries(DISKS)) {
  const disk = create();
  describe(`the disk of ${name}`, () => {
    test('reads back what was written, at any place, through any handle', async () => {
      const path = join(await newFolder(disk), 'a');
      for (const mode of ['write', 'write-durable'] as const) {
        const file = await disk.open(path, mode);
        const bytes = Buffer.from('..hello..');
        assert.equal(await file.write(bytes, 2, 5, 3), 5);
        assert.equal(await put(file, 'J', 3), 1);
        const reader = await disk.open(path, 'read');
        assert.equal(await textAt(reader, 0, 99), '\0\0\0Jello');
        assert.equal(await textAt(reader, 4, 2), 'el');
        assert.equal(await textAt(reader, 8, 9), '');
        assert.equal(await textAt(reader, 800, 9), '');
        assert.equal(await reader.size(), 8);
        await reader.close();
        await file.close();
      }
    });

    test('reads into the middle of a buffer and leaves the rest of it alone', async () => {
      const path = join(await newFolder(disk), 'a');
      const file = await disk.open(path, 'write');
      await put(file, 'abc', 0);
      const bytes = Buffer.from('........');
      assert.equal(await file.read(bytes, 2, 3, 1), 2);
      assert.equal(bytes.toString(), '..bc....');
      await file.close();
    });

    test('opening to write creates an absent file and keeps a present one', async () => {
      const path = join(await newFolder(disk), 'a');
      for (const text of ['', 'x']) {
        const file = await disk.open(path, 'write');
        assert.equal(await file.size(), text.length);
        await put(file, 'x', 0);
        await file.close();
      }
    });

    test('opening to read refuses an absent file, and writing through it is refused', async () => {
      const path = join(await newFolder(disk), 'a');
      await assert.rejects(disk.open(path, 'read'), { code: 'ENOENT' });
      await (await disk.open(path, 'write')).close();
      const file = await disk.open(path, 'read');
      await assert.rejects(put(file, 'x', 0), { code: 'EBADF' });
      await assert.rejects(file.truncate(0), { code: 'EINVAL' });
      await file.close();
    });

    test('a file in an absent folder cannot be created', async () => {
      const path = join(await newFolder(disk), 'absent', 'a');
      await assert.rejects(disk.open(path, 'write'), { code: 'ENOENT' });
    });

    test('a closed file refuses everything but another close', async () => {
      const file = await disk.open(join(await newFolder(disk), 'a'), 'write');
      await file.close();
      await file.close();
      await assert.rejects(put(file, 'x', 0), { code: 'EBADF' });
      await assert.rejects(textAt(file, 0, 1), { code: 'EBADF' });
      await assert.rejects(file.sync(), { code: 'EBADF' });
    });

    test('truncation shortens and lengthens, and what comes back is zeros', async () => {
      const file = await disk.open(join(await newFolder(disk), 'a'), 'write');
      await put(file, 'abcdef', 0);
      await file.truncate(2);
      assert.equal(await file.size(), 2);
      await file.truncate(5);
      assert.equal(await textAt(file, 0, 9), 'ab\0\0\0');
      await file.sync();
      await file.close();
    });

    test('lists names in order, files and folders, and an absent folder is empty', async () => {
      const folder = await newFolder(disk);
      assert.deepEqual(await disk.list(join(folder, 'absent')), []);
      assert.deepEqual(await disk.list(folder), []);
      for (const file of ['b', 'a', 'c.log']) {
        await (await disk.open(join(folder, file), 'write')).close();
      }
      await disk.makeFolder(join(folder, 'bb', 'deep'));
      await disk.syncFolder(folder);
      assert.deepEqual(await disk.list(folder), ['a', 'b', 'bb', 'c.log']);
      assert.deepEqual(await disk.list(join(folder, 'bb')), ['deep']);
    });

    test('a folder may be made twice, and with all its parents', async () => {
      const folder = join(await newFolder(disk), 'x', 'y', 'z');
      await disk.makeFolder(folder);
      await disk.makeFolder(folder);
      assert.equal(await disk.exists(folder), true);
    });

    test('an absent folder cannot be synced', async () => {
      const folder = join(await newFolder(disk), 'absent');
      await assert.rejects(disk.syncFolder(folder), { code: 'ENOENT' });
    });

    test('says of files and folders whether they exist', async () => {
      const folder = await newFolder(disk);
      const path = join(folder, 'a');
      assert.equal(await disk.exists(path), false);
      await (await disk.open(path, 'write')).close();
      assert.equal(await disk.exists(path), true);
      assert.equal(await disk.exists(folder), true);
      assert.equal(await disk.exists(join(path, 'below-a-file')), false);
    });

    test('renaming replaces the target, and open files follow their name', async () => {
      const folder = await newFolder(disk);
      const [from, to] = [join(folder, 'from'), join(folder, 'to')];
      const replaced = await disk.open(to, 'write');
      await put(replaced, 'old', 0);
      const file = await disk.open(from, 'write');
      await put(file, 'new', 0);
      await disk.rename(from, to);
      await put(file, '!', 3);
      assert.deepEqual(await disk.list(folder), ['to']);
      const reader = await disk.open(to, 'read');
      assert.equal(await textAt(reader, 0, 9), 'new!');
      assert.equal(await textAt(replaced, 0, 9), 'old');
      for (const each of [reader, replaced, file]) await each.close();
      await assert.rejects(disk.rename(from, to), { code: 'ENOENT' });
    });

    test('a folder is removed when it is empty', async () => {
      const folder = await newFolder(disk);
      const inner = join(folder, 'outer', 'inner');
      await disk.makeFolder(inner);
      await assert.rejects(disk.removeFolder(join(folder, 'outer')), { code: 'ENOTEMPTY' });
      await disk.removeFolder(inner);
      await disk.removeFolder(join(folder, 'outer'));
      assert.equal(await disk.exists(inner), false);
      await assert.rejects(disk.removeFolder(inner), { code: 'ENOENT' });
    });

    test('a removed file is readable while it is open, and its name is free', async () => {
      const path = join(await newFolder(disk), 'a');
      const file = await disk.open(path, 'write');
      await put(file, 'old', 0);
      await disk.remove(path);
      assert.equal(await disk.exists(path), false);
      assert.equal(await textAt(file, 0, 9), 'old');
      const created = await disk.open(path, 'write-durable');
      assert.equal(await created.size(), 0);
      for (const each of [file, created]) await each.close();
      await disk.remove(path);
      await assert.rejects(disk.remove(path), { code: 'ENOENT' });
    });

    test('says how much space is free', async () => {
      assert.ok((await disk.freeBytes(await newFolder(disk))) > 0);
    });
  });
}

test('listing fails loudly when the folder is there but cannot be listed', async () => {
  const path = join(await newFolder(systemDisk), 'loop');
  await symlink(path, path);
  await assert.rejects(systemDisk.list(path), { code: 'ELOOP' });
  await assert.rejects(systemDisk.exists(path), { code: 'ELOOP' });
});

test('every folder that has got a new name is synced when folders are made', async (context) => {
  const top = await newFolder(systemDisk);
  const handle = await open(top, 'r');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const synced: number[] = [];
  context.mock.method(prototype, 'sync', async function (this: FileHandle) {
    synced.push((await this.stat()).ino);
  });
  await systemDisk.makeFolder(join(top, 'x', 'y', 'z'));
  const above = [join(top, 'x', 'y'), join(top, 'x'), top];
  const inodes = await Promise.all(above.map(async (path) => (await stat(path)).ino));
  assert.deepEqual(synced, inodes);
  synced.length = 0;
  await systemDisk.makeFolder(join(top, 'x', 'y', 'z'));
  assert.deepEqual(synced, inodes.slice(0, 1));
});

test('the forgetful disk answers at once and keeps durable bytes to itself', async () => {
  const path = join(await newFolder(systemDisk), 'a');
  const file = await forgetfulDisk(systemDisk).open(path, 'write-durable');
  const reader = await systemDisk.open(path, 'read');
  assert.equal(await put(file, 'abc', 0), 3);
  assert.equal(await reader.size(), 0);
  const large = Buffer.alloc(1 << 20, 'x');
  assert.equal(await file.write(large, 0, large.length, 3), large.length);
  assert.equal(await textAt(reader, 0, 5), 'abcxx');
  await put(file, 'end', large.length + 3);
  assert.equal(await reader.size(), large.length + 3);
  await file.close();
  assert.equal(await textAt(reader, large.length + 3, 9), 'end');
  await reader.close();
});

test('the forgetful disk is honest about files that were not asked to be durable', async () => {
  const path = join(await newFolder(systemDisk), 'a');
  const file = await forgetfulDisk(systemDisk).open(path, 'write');
  await put(file, 'abc', 0);
  const reader = await systemDisk.open(path, 'read');
  assert.equal(await textAt(reader, 0, 9), 'abc');
  for (const each of [file, reader]) await each.close();
});
