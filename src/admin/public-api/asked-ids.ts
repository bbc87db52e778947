/**
 * By which id, and under which names of settings, a script asked for what it made: it expects the
 * same in every answer. What was made elsewhere has our own.
 */
import type { JsonObject } from '../../events/json.ts';
import {
  getResourceDocument,
  setResourceDocument,
} from '../../store/workspace/resource-documents.ts';
import type { ListedDestination } from '../../operate/destinations/destination-shapes.ts';
import type { Ask } from './ask.ts';

const KIND = 'destination';
/** Segment's names of the settings of a warehouse, and ours. */
const SETTING_NAMES: Readonly<Record<string, string>> = { hostname: 'host', username: 'user' };

interface Asked {
  metadataId?: string;
  /** Ours to that of the script. */
  names?: Record<string, string>;
}

function askedOf({ server }: Ask, id: string): Asked {
  return getResourceDocument(server.store, KIND, id);
}

/** The id of its kind in the catalogue. */
export function metadataIdOf(ask: Ask, { id, type }: Pick<ListedDestination, 'id' | 'type'>) {
  return askedOf(ask, id).metadataId ?? type;
}

/** Keeps how a destination was asked for; adds to what is known. */
export function keepAsked(ask: Ask, id: string, asked: Asked): void {
  const before = askedOf(ask, id);
  const names = { ...before.names, ...asked.names };
  setResourceDocument(ask.server.store, KIND, id, { ...before, ...asked, names });
}

/** Settings of a warehouse under our names. `names`: those of the script that differ. */
export function ownSettings(given: object): { settings: JsonObject; names: Asked['names'] & {} } {
  const entries = Object.entries(given).map(([name, value]: [string, unknown]) => {
    const own = (Object.hasOwn(SETTING_NAMES, name) && SETTING_NAMES[name]) || name;
    // Its forms keep numbers as texts.
    const isNumber = own === 'port' && typeof value === 'string' && /^\d{1,5}$/.test(value);
    return { name, own, value: isNumber ? Number(value) : value };
  });
  const renamed = entries.filter(({ name, own }) => name !== own);
  return {
    settings: Object.fromEntries(entries.map(({ own, value }) => [own, value])) as JsonObject,
    names: Object.fromEntries(renamed.map(({ name, own }) => [own, name])),
  };
}

/** Settings under the names by which they were asked for. */
export function shownSettings(ask: Ask, { id, settings }: ListedDestination): JsonObject {
  const { names = {} } = askedOf(ask, id);
  const entries = Object.entries(settings);
  return Object.fromEntries(
    entries.map(([own, value]) => [names[own] ?? own, value]),
  ) as JsonObject;
}
