/** How far each partition is durable, judged and held, in memory that threads share. */
import { durableEndsOf } from '../base/durable-ends.ts';
import type { DurableEnds } from '../base/durable-ends.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { LakeSetup } from './lake-messages.ts';

export interface PartitionEnds {
  /** Where a partition is in all of them, by its name. */
  slots: ReadonlyMap<string, number>;
  durable: DurableEnds;
  judged: DurableEnds;
  /** From where on each delivery thread needs the log. */
  holds: readonly DurableEnds[];
}

export function endsOf(setup: LakeSetup): PartitionEnds {
  return {
    slots: new Map(setup.partitions.map(({ name, slot }) => [name, slot])),
    durable: durableEndsOf(setup.durableEnds),
    judged: durableEndsOf(setup.judgedEnds),
    holds: setup.holds.map(durableEndsOf),
  };
}

export function durableEndOf({ slots, durable }: PartitionEnds, name: string): number {
  return durable.read(slots.get(name) ?? 0);
}

/** From where on destinations still need a partition. */
export function heldFrom({ slots, holds }: PartitionEnds, name: string): number {
  const slot = slots.get(name) ?? 0;
  return Math.min(Number.MAX_SAFE_INTEGER, ...holds.map((hold) => hold.read(slot)));
}

/** Tells those who deliver how far they may read. */
export function publishJudged({ slots, judged }: PartitionEnds, dispatcher: Dispatcher): void {
  for (const [name, slot] of slots) {
    const position = dispatcher.position(name);
    if (position > judged.read(slot)) judged.publish(slot, position);
  }
}
