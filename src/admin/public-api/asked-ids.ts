/**
 * By which ids and addresses, and under which names, a script asked for what it made: it expects
 * the same in every answer, and nothing where it said nothing. What was made elsewhere has our own.
 */
import type { JsonObject } from '../../events/json.ts';
import {
  getResourceDocument,
  setResourceDocument,
} from '../../store/workspace/resource-documents.ts';
import type { ListedDestination } from '../../operate/destinations/destination-shapes.ts';
import type { Role } from '../../store/people/people-shapes.ts';
import type { Ask } from './ask.ts';
import { roleIdOf, roleOf } from './segment-ids.ts';

const KIND = 'destination';
const PERSON = 'person';
/** Segment's names of the settings of a warehouse, and ours. */
const SETTING_NAMES: Readonly<Record<string, string>> = { hostname: 'host', username: 'user' };

interface Asked {
  metadataId?: string;
  /** The name that it got because the script gave none; null: the script gave one. */
  unasked?: string | null;
  /** Ours to that of the script. */
  names?: Record<string, string>;
  /** Settings that are numbers, by our names: whether the script wrote them as texts. */
  texts?: Record<string, boolean>;
}

/** A role on resources, as Segment has them. */
export interface AskedPermission {
  roleId: string;
  resources?: { id: string; type: string }[] | undefined;
}

interface AskedPerson {
  email?: string;
  permissions?: readonly AskedPermission[];
}

function askedOf({ server }: Ask, id: string): Asked {
  return getResourceDocument(server.store, KIND, id);
}

/** The id of its kind in the catalogue. */
export function metadataIdOf(ask: Ask, { id, type }: Pick<ListedDestination, 'id' | 'type'>) {
  return askedOf(ask, id).metadataId ?? type;
}

/**
 * What to keep of a name that a script gave, or not.
 * @param given undefined: not mentioned. @param own what it is called here.
 */
export function askedName(given: string | null | undefined, own: string): Asked {
  return given === undefined ? {} : { unasked: given ? null : own };
}

/** Undefined where the script gave none, and nobody else has since. */
export function nameFor(ask: Ask, { id, name }: Pick<ListedDestination, 'id' | 'name'>) {
  return askedOf(ask, id).unasked === name ? undefined : name;
}

/** Keeps how a destination was asked for; adds to what is known. */
export function keepAsked(ask: Ask, id: string, asked: Asked): void {
  const before = askedOf(ask, id);
  const names = { ...before.names, ...asked.names };
  const texts = { ...before.texts, ...asked.texts };
  setResourceDocument(ask.server.store, KIND, id, { ...before, ...asked, names, texts });
}

/** Keeps how a person was asked for; adds to what is known. @param email may be invited only. */
export function keepAskedPerson({ server }: Ask, email: string, asked: AskedPerson): void {
  const key = email.toLowerCase();
  const before = getResourceDocument(server.store, PERSON, key);
  setResourceDocument(server.store, PERSON, key, { ...before, ...asked });
}

export function askedPerson({ server }: Ask, email: string): AskedPerson {
  return getResourceDocument(server.store, PERSON, email.toLowerCase());
}

/** A person's address in the letters in which it was asked for. */
export function emailFor(ask: Ask, email: string): string {
  return askedPerson(ask, email).email ?? email;
}

/** The id of a person's role: as it was asked for, else Segment's. */
export function roleIdFor(ask: Ask, email: string, role: Role): string {
  const { permissions = [] } = askedPerson(ask, email);
  return permissions.find(({ roleId }) => roleOf(roleId) === role)?.roleId ?? roleIdOf(role);
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
