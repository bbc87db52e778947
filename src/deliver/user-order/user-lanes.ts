/**
 * Lanes: each user belongs to one, and a lane has one batch under way, so that batches run side by
 * side and the events of a user do not overtake each other.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../../base/assert.ts';
import type { StreamPace } from '../streams/delivery-stream.ts';
import type { DeliveryItem } from './user-order-item.ts';

export interface Lane {
  queue: DeliveryItem[];
  bytes: number;
  isBusy: boolean;
}

export interface Lanes {
  readonly all: readonly Lane[];
  /** Items in all of them that are not under way. */
  queued: number;
  /** Whose turn it is. */
  next: number;
}

export function createLanes(count: number): Lanes {
  const all = Array.from({ length: count }, () => ({ queue: [], bytes: 0, isBusy: false }));
  return { all, queued: 0, next: 0 };
}

/** Puts an item behind those of its user. */
export function enqueue(lanes: Lanes, item: DeliveryItem): void {
  const lane = lanes.all[crc32(item.orderKey) % lanes.all.length];
  assert(lane, 'every key has a lane');
  lane.queue.push(item);
  lane.bytes += item.bytes;
  lanes.queued++;
}

/** The lane whose turn it is; each has its turn. */
export function nextLane(lanes: Lanes): Lane {
  const lane = lanes.all[lanes.next++ % lanes.all.length];
  assert(lane, 'there are lanes');
  return lane;
}

/** How many items from the front may share a batch. */
export function batchLength(
  { queue }: Lane,
  { batchEvents, batchBytes }: Pick<StreamPace, 'batchEvents' | 'batchBytes'>,
): number {
  if (queue[0]?.isAlone) return 1;
  let bytes = 0;
  let length = 0;
  for (const item of queue) {
    bytes += item.bytes;
    const isFull = length >= batchEvents || (length > 0 && bytes > batchBytes);
    if (isFull || item.isAlone) break;
    length++;
  }
  return length;
}

/** Takes so many items from the front; the lane is busy until `freeLane`. */
export function takeBatch(lanes: Lanes, lane: Lane, length: number): DeliveryItem[] {
  const items = lane.queue.splice(0, length);
  for (const { bytes } of items) lane.bytes -= bytes;
  lanes.queued -= length;
  lane.isBusy = true;
  return items;
}

export function freeLane(lane: Lane): void {
  lane.isBusy = false;
}

/** Replaces what a lane has queued. */
export function requeue(lanes: Lanes, lane: Lane, queue: DeliveryItem[]): void {
  lanes.queued += queue.length - lane.queue.length;
  lane.queue = queue;
  lane.bytes = queue.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function isAnyBusy({ all }: Lanes): boolean {
  return all.some(({ isBusy }) => isBusy);
}
