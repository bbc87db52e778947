/**
 * The warehouse views learn their columns from one event of each shape: its source, type and name,
 * the keys of its documents, and of which kind each value is. All others of the shape bring nothing
 * new and are not looked into.
 */
import { isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import { FIELD, FIELD_COUNT } from '../../events/raw-items.ts';
import { isEventType } from '../../events/validate.ts';
import { assert } from '../../base/assert.ts';
import type { ObservedEvent } from '../schema/registry.ts';
import type { LineShared } from './event-lines.ts';
import { eventValues } from './event-values.ts';
import type { LineValues } from './event-values.ts';

export interface EventShapes {
  /** Takes one event of a shape that is new. */
  learn(event: ObservedEvent, slug: string): void;
  /** Known shapes, and whether they have repeated keys. */
  known: Map<number, boolean>;
}

/** Beyond these all are learnt anew: somebody makes up keys. */
const SHAPES_MAX = 100_000;

export function createEventShapes(learn: EventShapes['learn']): EventShapes {
  return { learn, known: new Map() };
}

export interface ShapedRecord {
  /** Learns from the event if its shape is new. @returns true when keys are repeated in it. */
  observe(item: number): boolean;
}

/** The shapes of one record's events. */
export function learnEvents(shapes: EventShapes, shared: LineShared, slug: string): ShapedRecord {
  const { known } = shapes;
  const { items, envelope, route } = shared.record;
  // What comes from outside of the event changes its context.
  const isAlone = shared.record.context === null;
  const seed =
    Math.imul(envelope.sourceNumber, 64) ^
    (route.code + (shared.record.ipMember === null ? 0 : 1 << 20));
  return {
    observe(item) {
      const high = (items.shapeHigh[item] as number) ^ seed;
      const key = hashText(shared, item, FIELD.type, hashText(shared, item, FIELD.event, high));
      const shape = (key >>> 0) * 2 ** 21 + ((items.shapeLow[item] as number) >>> 11);
      const before = isAlone ? known.get(shape) : undefined;
      if (before !== undefined) return before;
      const values = eventValues(shared, item, true);
      const message = {
        properties: objectOf(values.properties),
        traits: objectOf(values.traits),
        context: objectOf(values.context),
      };
      assert(isEventType(values.type), 'a valid event has a type');
      const event = values.event === null ? null : String(values.event);
      shapes.learn({ type: values.type, event, message }, slug);
      const hasRepeats = hasRepeatedKeys(shared, item);
      if (known.size >= SHAPES_MAX) known.clear();
      if (isAlone) known.set(shape, hasRepeats);
      return hasRepeats;
    },
  };
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

/** True when the text has more keys than its value: then some are there twice. */
function hasRepeatedKeys({ record }: LineShared, item: number): boolean {
  const { body, items } = record;
  let keys = 0;
  for (const field of [FIELD.properties, FIELD.traits, FIELD.context]) {
    const at = item * FIELD_COUNT + field;
    const start = items.starts[at] ?? -1;
    if (start < 0) continue;
    keys += keysOf(JSON.parse(body.toString('utf8', start, items.ends[at])) as unknown);
  }
  return items.keyCounts[item] !== keys;
}

/** Keys at every depth outside of arrays. */
function keysOf(value: unknown): number {
  if (!isObject(value)) return 0;
  let keys = 0;
  const pending: JsonObject[] = [value];
  for (let object = pending.pop(); object !== undefined; object = pending.pop()) {
    for (const key of Object.keys(object)) {
      keys++;
      const own = object[key];
      if (isObject(own)) pending.push(own);
    }
  }
  return keys;
}

function objectOf(text: LineValues[keyof LineValues]): JsonObject {
  const value: unknown = text === null ? {} : JSON.parse(String(text));
  return isObject(value) ? value : {};
}
