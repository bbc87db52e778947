/**
 * Ids of Segment's catalogue, which stand in Terraform files and scripts: each is another name of
 * what has ours. Who asks by one is answered with it (asked-ids.ts). They come from the catalogue
 * that Segment publishes; destinations that it does not list have our name alone.
 */
import { fileURLToPath } from 'node:url';
import { systemDisk } from '../../base/disk.ts';
import { readWholeFile } from '../../base/whole-file.ts';
import type { Role } from '../../store/people/people-shapes.ts';

interface DestinationIds {
  id: string;
  /** By slug. */
  actions: Readonly<Record<string, string>>;
}

const SOURCES: Readonly<Record<string, string>> = {
  'http-api': 'iUM16Md8P2',
  javascript: 'IqDTy1TpoU',
  'node.js': 'U9mT0bPcI6',
  python: 'XRksQPCr7X',
  go: 'yBvi77aEwr',
  java: 'V6ynUvQgbc',
  ruby: 'aACTBqIbWT',
  php: 'TDO70If4mD',
  net: '8HWbgPTt3k',
  ios: 'dZeHygTSD4',
  android: '9EMcTqiKok',
  kotlin: 'yMu7LRR59b',
  'react-native': 'B0X0QmvMny',
  flutter: 'CvYws1p1ZA',
};
const WAREHOUSES: Readonly<Record<string, string>> = { postgres: '55d3d3aea3c' };
/** Workspace Owner, Source Admin, Source Read-only. */
const ROLES: Readonly<Record<string, Role>> = {
  '1WDUuRLxv84rrfCNUwvkrRtkxnS': 'owner',
  '1WDUuSF1kN1xis2lp09RVKOsnnL': 'member',
  '1WDUuNOXQYGLtEI7LcfBMpvU9ll': 'viewer',
};

const path = fileURLToPath(new URL('segment-destination-ids.json', import.meta.url));
const text = (await readWholeFile(systemDisk, path)).toString('utf8');
const DESTINATIONS = new Map(Object.entries(JSON.parse(text) as Record<string, DestinationIds>));

const sourceNames = inverted(SOURCES);
const typeNames = inverted(WAREHOUSES);
const roleIds = inverted(ROLES);
for (const [slug, { id }] of DESTINATIONS) typeNames.set(id, slug);

/** Our name of a kind of source; what is no id of Segment's is returned. */
export function sourceKindOf(id: string): string {
  return sourceNames.get(id) ?? id;
}

/** Our name of a kind of destination or warehouse; what is no id of Segment's is returned. */
export function typeOf(id: string): string {
  return typeNames.get(id) ?? id;
}

/** Our name of an action of a kind of destination; what is no id of Segment's is returned. */
export function actionOf(type: string, id: string): string {
  const actions = Object.entries(DESTINATIONS.get(type)?.actions ?? {});
  return actions.find(([, own]) => own === id)?.[0] ?? id;
}

/** Segment's id of an action, where it lists one. */
export function actionIdOf(type: string, slug: string): string | undefined {
  const { actions = {} } = DESTINATIONS.get(type) ?? {};
  return Object.hasOwn(actions, slug) ? actions[slug] : undefined;
}

/** Our name of a role; what is no id of Segment's is returned. */
export function roleOf(id: string): string {
  return (Object.hasOwn(ROLES, id) && ROLES[id]) || id;
}

/** Segment's id of a role, or our name where it has none. */
export function roleIdOf(role: Role): string {
  return roleIds.get(role) ?? role;
}

function inverted(ids: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(ids).map(([name, id]) => [id, name]));
}
