/** Small files that are read and written whole, through the disk seam. */
import type { Disk } from './disk.ts';

/** Reads a file to its end. Rejects with an errno error when it is absent. */
export async function readWholeFile(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(await file.size());
    let at = 0;
    while (at < bytes.length) {
      const count = await file.read(bytes, at, bytes.length - at, at);
      if (count === 0) break;
      at += count;
    }
    return bytes.subarray(0, at);
  } finally {
    await file.close();
  }
}

/** Replaces a file in one step: readers see the old content or the new, never a part. */
export async function writeWholeFile(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await disk.open(temporary, 'write');
  try {
    await file.truncate(0);
    for (let at = 0; at < bytes.length;) {
      at += await file.write(bytes, at, bytes.length - at, at);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
}
