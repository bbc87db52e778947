/**
 * What is known of Segment's own destinations (@segment/action-destinations) without loading
 * their code: names, settings, actions, presets. Made by `scripts/generate-catalogue.ts` from the
 * installed package, because loading all of it takes a second and a hundred megabytes; a test
 * proves that both say the same.
 */
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { systemDisk } from '../../base/disk.ts';
import { readWholeFile } from '../../base/whole-file.ts';
import type { JsonObject } from '../../events/json.ts';
import type { SegmentAction, SegmentField, SegmentPreset } from './segment-shapes.ts';

export interface SegmentDestination {
  slug: string;
  /** As `integrations` names it: `Slack (Actions)`. */
  name: string;
  description: string;
  /** Where its code is in the package. */
  folder: string;
  /** How it authenticates: custom, basic, oauth2, oauth-managed, none. */
  scheme: string;
  settings: Readonly<Record<string, SegmentField>>;
  actions: Readonly<Record<string, SegmentAction>>;
  presets: readonly SegmentPreset[];
  hasTest: boolean;
  hasDelete: boolean;
  hasAudience: boolean;
  /** Packages with which it would connect by itself, around the address guard. */
  ownClients: readonly string[];
}

export const CATALOGUE_PATH = fileURLToPath(new URL('catalogue.json.br', import.meta.url));

const compressed = await readWholeFile(systemDisk, CATALOGUE_PATH);
let bySlug: ReadonlyMap<string, SegmentDestination> | undefined;

/** All destinations, by slug. */
export function listSegmentDestinations(): readonly SegmentDestination[] {
  return [...catalogue().values()];
}

export function findSegmentDestination(slug: string): SegmentDestination | undefined {
  return catalogue().get(slug);
}

/** Unpacked when it is first asked for: few configurations use it. */
function catalogue(): ReadonlyMap<string, SegmentDestination> {
  if (bySlug) return bySlug;
  const text = brotliDecompressSync(compressed).toString('utf8');
  const list = JSON.parse(text) as SegmentDestination[];
  bySlug = new Map(list.map((destination) => [destination.slug, destination]));
  return bySlug;
}

/** Defaults of an action's fields: its mapping where nobody says otherwise. */
export function defaultMapping(action: SegmentAction): JsonObject {
  const entries = Object.entries(action.fields).map(([key, field]) => [key, field.default]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as JsonObject;
}
