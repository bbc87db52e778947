/** Saves only the newest watermark, one at a time, never holding up a group. */
import type { Watermark, WatermarkFile } from './watermark.ts';

export interface WatermarkSaver {
  file: WatermarkFile;
  /** The newest that is not on its way yet. */
  wanted: Watermark | undefined;
  running: Promise<void> | undefined;
}

export function createWatermarkSaver(file: WatermarkFile): WatermarkSaver {
  return { file, wanted: undefined, running: undefined };
}

export function saveWatermark(saver: WatermarkSaver, watermark: Watermark): void {
  saver.wanted = watermark;
  saver.running ??= saveWanted(saver);
}

async function saveWanted(saver: WatermarkSaver): Promise<void> {
  while (saver.wanted) {
    const watermark = saver.wanted;
    saver.wanted = undefined;
    // Losing a watermark costs a longer scan at the next start, nothing else.
    await saver.file.save(watermark).catch(() => undefined);
  }
  saver.running = undefined;
}

/** Waits for the newest, and closes the file. */
export async function closeWatermarkSaver({ running, file }: WatermarkSaver): Promise<void> {
  await running;
  await file.close();
}
