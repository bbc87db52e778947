/**
 * The warehouse views learn their columns from one event of each shape: its source, type and name,
 * the keys of its documents, and of which kind each value is. All others of the shape bring nothing
 * new and are not looked into.
 */
import { parseExact } from '../../events/exact-json.ts';
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { CONTEXT_DIRECT } from '../../events/document-shape.ts';
import { FIELD, FIELD_COUNT } from '../../events/raw-items.ts';
import { isEventType } from '../../events/validate.ts';
import { assert } from '../../base/assert.ts';
import type { ObservedEvent } from '../schema/column-registry.ts';
import type { LineShared } from './event-lines.ts';
import { eventValues } from './event-values.ts';
import type { LineValues } from './event-values.ts';

export interface EventShapes {
  /** Takes one event of a shape that is new. */
  learn(event: ObservedEvent, slug: string): void;
  /** Shapes that were learnt from. */
  known: Set<number>;
}

/** Beyond these all are learnt anew: somebody makes up keys. */
const SHAPES_MAX = 100_000;

export function createEventShapes(learn: EventShapes['learn']): EventShapes {
  return { learn, known: new Set() };
}

export interface ShapedRecord {
  /** Learns from the event if its shape is new. */
  observe(item: number): void;
}

/** The shapes of one record's events. */
export function learnEvents(shapes: EventShapes, shared: LineShared, slug: string): ShapedRecord {
  const { known } = shapes;
  const { items, envelope, route, context, ipMember } = shared.record;
  const isFilledIn = route.isPixel && envelope.userAgent !== '';
  const filled = (ipMember === null ? 0 : 1 << 20) + (isFilledIn ? 1 << 21 : 0);
  const seed = Math.imul(envelope.sourceNumber, 64) ^ (route.code + filled);
  return {
    observe(item) {
      // What comes from outside of the event, by values that are no shape, changes its context.
      const isAlone = context === null && ((items.contextKeys[item] ?? 0) & CONTEXT_DIRECT) === 0;
      const high = hashOf(shared, item, (items.shapeHigh[item] as number) ^ seed);
      const low = hashOf(shared, item, (items.shapeLow[item] as number) ^ LOW_SEED);
      const shape = (high >>> 0) * 2 ** 21 + (low >>> 11);
      if (isAlone && known.has(shape)) return;
      const values = eventValues(shared, item, true);
      const message = {
        properties: objectOf(values.properties),
        traits: objectOf(values.traits),
        context: objectOf(values.context),
      };
      assert(isEventType(values.type), 'a valid event has a type');
      const event = values.event === null ? null : String(values.event);
      shapes.learn({ type: values.type, event, message }, slug);
      if (known.size >= SHAPES_MAX) known.clear();
      if (isAlone) known.add(shape);
    },
  };
}

const LOW_SEED = 0x5bd1e995;

/** With the event's name and type, which say in which table it is. */
function hashOf(shared: LineShared, item: number, seed: number): number {
  return hashText(shared, item, FIELD.type, hashText(shared, item, FIELD.event, seed));
}

function hashText({ record }: LineShared, item: number, field: number, seed: number): number {
  const { body, items } = record;
  const at = item * FIELD_COUNT + field;
  const start = items.starts[at] as number;
  const end = items.ends[at] as number;
  let hash = seed;
  if (start >= 0) {
    for (let p = start; p < end; p++) hash = Math.imul(hash ^ (body[p] as number), 0x01000193);
  }
  return Math.imul(hash ^ 0x1f, 0x01000193);
}

function objectOf(text: LineValues[keyof LineValues]): JsonObject {
  const value = text === null ? {} : parseExact(Buffer.from(String(text)));
  return isObject(value) ? value : {};
}
