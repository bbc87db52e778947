/**
 * Makes the deduplication window of a partition anew from its log, once, after an older Millrace
 * that made fingerprints in another way: what was judged within the window is known again.
 */
import type { Disk } from '../base/disk.ts';
import { decodePayload } from '../events/envelope.ts';
import { createRawItems, readRawItems } from '../events/raw-items.ts';
import { marksOf } from '../events/record-marks.ts';
import { routeByName } from '../events/routes.ts';
import { openLogReader } from '../log/log-reader.ts';
import { listSegments } from '../log/segments.ts';
import type { Dispatcher } from './dispatcher.ts';
import { HOUR_MS } from './dispatcher.ts';

const READ_BYTES = 4 * 1024 * 1024;

/** @param windowHours counted back from the newest record that was judged. */
export async function refillWindow(
  dispatcher: Dispatcher,
  partition: { name: string; folder: string },
  { disk, windowHours }: { disk: Disk; windowHours: number },
): Promise<void> {
  const { name, folder } = partition;
  const judged = dispatcher.position(name);
  const segments = (await listSegments(disk, folder)).filter(({ base }) => base < judged);
  const newestMs = segments.at(-1)?.createdMs ?? 0;
  // The last segment that was begun before the window holds its beginning.
  const first =
    segments.findLast(({ createdMs }) => createdMs < newestMs - windowHours * HOUR_MS) ??
    segments[0];
  const filling = dispatcher.fill(name);
  if (first) {
    const items = createRawItems();
    const reader = await openLogReader({ disk, folder, from: first.base });
    for (let last = -1, position = first.base; position !== last && position < judged;) {
      last = position;
      const { records, next } = await reader.read(judged, READ_BYTES);
      for (const { payload } of records) {
        const { envelope, body } = decodePayload(payload);
        const route = routeByName(envelope.route);
        if (envelope.kind === 'rejected' || !route) continue;
        // What was refused may be no JSON.
        const refused = new Set(envelope.rejections.map(({ index }) => index));
        readRawItems(body, route.shape, refused, items);
        filling.add(Math.floor(envelope.receivedAtMs / HOUR_MS), marksOf(envelope, body, items));
      }
      position = next;
    }
    await reader.close();
  }
  filling.end();
}
