/** What can be connected, in the shapes of Segment's catalogue. */
import { MillraceError } from '../../base/errors.ts';
import {
  describeDestinationType,
  listDestinationTypes,
} from '../../destinations/destination-registry.ts';
import type { SettingField } from '../../destinations/destination-type-shapes.ts';
import { pageOf, param } from './ask.ts';
import { actionIdOf, sourceKindOf, typeOf } from './segment-ids.ts';
import type { Ask, Handler } from './ask.ts';

/** Every SDK sends the same calls; the kind of a source is a name for people. */
const SOURCES: readonly (readonly [id: string, name: string])[] = [
  ['http-api', 'HTTP API'],
  ['javascript', 'Javascript'],
  ['node.js', 'Node.js'],
  ['python', 'Python'],
  ['go', 'Go'],
  ['java', 'Java'],
  ['ruby', 'Ruby'],
  ['php', 'PHP'],
  ['net', '.NET'],
  ['ios', 'iOS'],
  ['android', 'Android'],
  ['kotlin', 'Kotlin'],
  ['react-native', 'React Native'],
  ['flutter', 'Flutter'],
];
const NO_LOGOS = { default: '', mark: null, alt: null };

export const CATALOG_HANDLERS: Record<string, Handler> = {
  getSourcesCatalog(ask) {
    const { page, pagination } = pageOf(ask, SOURCES, ([id]) => id);
    return { sourcesCatalog: page.map(([id]) => sourceMetadata(id)), pagination };
  },
  getSourceMetadata: (ask) => ({ sourceMetadata: sourceMetadata(param(ask, 'sourceMetadataId')) }),
  getDestinationsCatalog(ask) {
    return catalogue(ask, 'destinationsCatalog', false, destinationMetadata);
  },
  getDestinationMetadata(ask) {
    const id = param(ask, 'destinationMetadataId');
    return { destinationMetadata: destinationMetadata(id) };
  },
  getWarehousesCatalog: (ask) => catalogue(ask, 'warehousesCatalog', true, warehouseMetadata),
  getWarehouseMetadata(ask) {
    return { warehouseMetadata: warehouseMetadata(param(ask, 'warehouseMetadataId')) };
  },
};

function catalogue(
  ask: Ask,
  name: string,
  areWarehouses: boolean,
  viewOf: (type: string) => object,
): object {
  const types = listDestinationTypes().filter((one) => isWarehouse(one.type) === areWarehouses);
  const { page, pagination } = pageOf(ask, types, ({ type }) => type);
  return { [name]: page.map(({ type }) => viewOf(type)), pagination };
}

export function isWarehouse(type: string): boolean {
  return type === 'postgres' || type === 'clickhouse';
}

/** @param id ours or Segment's; it is answered. @throws MillraceError NOT_FOUND */
export function sourceMetadata(id: string) {
  const kind = sourceKindOf(id);
  const [, name] = SOURCES.find(([known]) => known === kind) ?? [];
  if (name === undefined) throw unknown('sourceMetadataId', id);
  return {
    id,
    name,
    slug: kind,
    description: `Events of ${name}`,
    logos: NO_LOGOS,
    options: [],
    categories: [],
    isCloudEventSource: false,
  };
}

/** @param id ours or Segment's; it is answered. @throws MillraceError NOT_FOUND */
export function warehouseMetadata(id: string) {
  const type = describeDestinationType(typeOf(id));
  if (!type || !isWarehouse(type.type)) throw unknown('warehouseMetadataId', id);
  const { title, fields } = type;
  const options = fields.map(optionOf);
  return { id, name: title, slug: type.type, description: title, logos: NO_LOGOS, options };
}

/**
 * By our name (`webhook`, `actions-slack`), or by Segment's id, which is answered then: with its
 * ids of actions, too. @throws MillraceError NOT_FOUND
 */
export function destinationMetadata(id: string) {
  const slug = typeOf(id);
  const type = describeDestinationType(slug);
  if (!type) throw unknown('destinationMetadataId', id);
  const {
    actions = {},
    presets = [],
    description = type.title,
  } = {
    ...('actions' in type ? type : {}),
  };
  const actionId = (name: string): string =>
    (id === slug ? undefined : actionIdOf(slug, name)) ?? name;
  return {
    id,
    name: type.title,
    description,
    slug,
    logos: NO_LOGOS,
    options: type.fields.map(optionOf),
    status: 'PUBLIC',
    previousNames: [],
    categories: [type.class],
    website: '',
    components: [{ type: 'SERVER', code: '', owner: 'SEGMENT' }],
    supportedFeatures: {
      cloudModeInstances: 'MULTIPLE',
      deviceModeInstances: 'NONE',
      replay: true,
      browserUnbundling: false,
      browserUnbundlingPublic: false,
    },
    supportedMethods: { pageview: true, identify: true, alias: true, track: true, group: true },
    supportedPlatforms: { browser: true, server: true, mobile: true },
    actions: Object.entries(actions).map(([key, action]) => ({
      id: actionId(key),
      slug: key,
      name: action.title,
      description: action.description,
      platform: action.platform === 'web' ? 'WEB' : 'CLOUD',
      hidden: false,
      defaultTrigger: action.defaultSubscription ?? null,
      fields: Object.entries(action.fields).map(([name, field], sortOrder) => ({
        id: name,
        sortOrder,
        fieldKey: name,
        label: field.label ?? name,
        type: field.type.toUpperCase(),
        description: field.description ?? '',
        required: field.required === true,
        multiple: field.multiple === true,
        dynamic: false,
        allowNull: false,
        defaultValue: field.default ?? null,
      })),
    })),
    presets: presets
      .filter(({ partnerAction }) => partnerAction in actions)
      .map(({ name, partnerAction, subscribe = '', mapping }) => ({
        actionId: actionId(partnerAction),
        name,
        fields: mapping,
        trigger: subscribe,
      })),
  };
}

function optionOf({ key, label, type, isRequired, description, default: standard }: SettingField) {
  return {
    name: key,
    type,
    required: isRequired,
    description,
    label,
    ...(standard !== undefined && { defaultValue: standard }),
  };
}

function unknown(field: string, id: string): MillraceError {
  return new MillraceError('NOT_FOUND', `${field}: the catalogue has no ${id}`, { field });
}
