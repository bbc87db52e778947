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
import type { Role } from '../../store/people/people-shapes.ts';
import type { Ask } from './ask.ts';
import { roleIdOf } from './segment-ids.ts';

const KIND = 'destination';
const PERSON = 'person';
/** Segment's names of the settings of a warehouse, and ours. */
const SETTING_NAMES: Readonly<Record<string, string>> = { hostname: 'host', username: 'user' };

interface Asked {
  metadataId?: string;
  /** Ours to that of the script. */
  names?: Record<string, string>;
  /** Settings that are numbers, by our names: whether the script wrote them as texts. */
  texts?: Record<string, boolean>;
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
  const texts = { ...before.texts, ...asked.texts };
  setResourceDocument(ask.server.store, KIND, id, { ...before, ...asked, names, texts });
}

/**
 * Keeps by which ids a script gave roles to a person, so that it reads the same.
 * @param email the person may be invited only. @param ids by our names of roles.
 */
export function keepAskedRoles(ask: Ask, email: string, ids: Readonly<Record<string, string>>) {
  const { store } = ask.server;
  const key = email.toLowerCase();
  const before = getResourceDocument(store, PERSON, key);
  setResourceDocument(store, PERSON, key, { ...before, ...ids });
}

/** The id of a person's role: as it was asked for, else Segment's. */
export function roleIdFor({ server }: Ask, email: string, role: Role): string {
  const asked = getResourceDocument(server.store, PERSON, email.toLowerCase())[role];
  return typeof asked === 'string' ? asked : roleIdOf(role);
}

/** Settings of a warehouse under our names, and how the script wrote them. */
export function ownSettings(given: object): { settings: JsonObject; asked: Asked } {
  const settings: JsonObject = {};
  const names: Record<string, string> = {};
  const texts: Record<string, boolean> = {};
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const own = (Object.hasOwn(SETTING_NAMES, name) && SETTING_NAMES[name]) || name;
    const isText = own === 'port' && typeof value === 'string' && /^\d{1,5}$/.test(value);
    settings[own] = isText ? Number(value) : value;
    names[own] = name;
    if (own === 'port') texts[own] = isText;
  }
  return { settings, asked: { names, texts } };
}

/** Settings as they were asked for. */
export function shownSettings(ask: Ask, { id, settings }: ListedDestination): JsonObject {
  const { names = {}, texts = {} } = askedOf(ask, id);
  const entries = Object.entries(settings).map(([own, value]) => [
    names[own] ?? own,
    texts[own] === true ? String(value) : value,
  ]);
  return Object.fromEntries(entries) as JsonObject;
}
