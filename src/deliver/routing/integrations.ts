/**
 * The `integrations` object of an event as Segment reads it: a destination's own entry wins over
 * `All`, `All` is true by default, and an object of options is as good as true. Storage ignores
 * it; warehouses obey only `Warehouses: {all, warehouseIds}`.
 */
import { isAbsent, isObject } from '../../events/json.ts';
import type { JsonObject } from '../../events/json.ts';
import type { DestinationClass } from '../../destinations/destination-type-shapes.ts';

/** Segment sends to these only when an event names them. */
const OFF_BY_DEFAULT = new Set(['Salesforce']);

export interface IntegrationTarget {
  class: DestinationClass;
  id: string;
  slug: string;
  /** Keys that may name it, the most specific first. */
  names: readonly string[];
}

/** @param integrations of the message; empty when it has none. */
export function isIntegrationEnabled(integrations: JsonObject, target: IntegrationTarget): boolean {
  if (target.class === 'storage') return true;
  if (target.class === 'warehouse') return isWarehouseEnabled(integrations['Warehouses'], target);
  for (const name of target.names) {
    const own = Object.hasOwn(integrations, name) ? integrations[name] : undefined;
    if (!isAbsent(own)) return own !== false;
  }
  // Some server SDKs write it in lower case.
  const all = integrations['All'] ?? integrations['all'];
  if (!isAbsent(all)) return all !== false;
  return !target.names.some((name) => OFF_BY_DEFAULT.has(name));
}

function isWarehouseEnabled(option: unknown, { id, slug }: IntegrationTarget): boolean {
  if (option === false) return false;
  if (!isObject(option)) return true;
  const ids: unknown[] = Array.isArray(option['warehouseIds']) ? option['warehouseIds'] : [];
  if (ids.includes(id) || ids.includes(slug)) return true;
  return option['all'] !== false;
}
