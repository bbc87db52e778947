/**
 * Every way an event can come in. Letter routes and pixels are used by browsers and mobiles
 * (client class: the address is filled in, the rate reset is a delta); word routes by servers.
 */
export type EventType = 'track' | 'identify' | 'page' | 'screen' | 'group' | 'alias';

export type RouteName =
  EventType | 'batch' | 'import' | 't' | 'i' | 'p' | 's' | 'g' | 'a' | 'b' | `pixel/${EventType}`;

export interface Route {
  /** Path behind `/v1/`. */
  name: RouteName;
  /** Number in the log's envelope; never reused. */
  code: number;
  shape: 'event' | 'batch';
  /** The type of an event that does not name its own; undefined for batches. */
  eventType: EventType | undefined;
  isClient: boolean;
  hasDeltaReset: boolean;
  isPixel: boolean;
}

export const EVENT_TYPES: readonly EventType[] = [
  'track',
  'identify',
  'page',
  'screen',
  'group',
  'alias',
];

const LETTERS = ['t', 'i', 'p', 's', 'g', 'a'] as const;

export const ROUTES: readonly Route[] = [
  ...EVENT_TYPES.map((type, at) => eventRoute(type, 1 + at, type, false)),
  ...LETTERS.map((letter, at) => eventRoute(letter, 11 + at, EVENT_TYPES[at], true)),
  ...EVENT_TYPES.map((type, at) => ({
    ...eventRoute(`pixel/${type}`, 21 + at, type, true),
    isPixel: true,
  })),
  batchRoute('batch', 31, false),
  batchRoute('import', 32, false),
  batchRoute('b', 33, true),
];

const BY_CODE = new Map(ROUTES.map((route) => [route.code, route]));
const BY_NAME = new Map(ROUTES.map((route) => [route.name, route]));

export function routeByCode(code: number): Route | undefined {
  return BY_CODE.get(code);
}

export function routeByName(name: RouteName): Route | undefined {
  return BY_NAME.get(name);
}

function eventRoute(
  name: RouteName,
  code: number,
  eventType: EventType | undefined,
  isClient: boolean,
): Route {
  const hasDeltaReset = isClient;
  return { name, code, shape: 'event', eventType, isClient, hasDeltaReset, isPixel: false };
}

function batchRoute(name: RouteName, code: number, isClient: boolean): Route {
  return {
    name,
    code,
    shape: 'batch',
    eventType: undefined,
    isClient,
    hasDeltaReset: isClient,
    isPixel: false,
  };
}
