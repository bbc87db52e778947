/**
 * A disk that lies about durability, for the crash harness to prove that it would notice: bytes
 * written to a durable file stay in this process and reach the real file much later. Killing the
 * process then does what cutting the power does to a disk whose cache was never flushed.
 */
import type { Disk, DiskFile } from '../../src/base/disk.ts';

const FORGET_BYTES = 1 << 20;

export function forgetfulDisk(disk: Disk): Disk {
  return {
    ...disk,
    async open(path, mode) {
      const file = await disk.open(path, mode);
      return mode === 'write-durable' ? forgetfulFile(file) : file;
    },
  };
}

function forgetfulFile(file: DiskFile): DiskFile {
  let kept: { bytes: Uint8Array; position: number }[] = [];
  let keptBytes = 0;
  const flush = async (): Promise<void> => {
    const parts = kept;
    kept = [];
    keptBytes = 0;
    for (const { bytes, position } of parts) await file.write(bytes, 0, bytes.length, position);
  };
  return {
    ...file,
    async write(buffer, offset, length, position) {
      kept.push({ bytes: buffer.slice(offset, offset + length), position });
      keptBytes += length;
      if (keptBytes >= FORGET_BYTES) await flush();
      return length;
    },
    async close() {
      await flush();
      await file.close();
    },
  };
}
