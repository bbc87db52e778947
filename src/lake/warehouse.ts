/** Keeps the generated warehouse views in step with the columns that events bring. */
import type { NormalEvent } from '../events/normalise.ts';
import type { Catalog } from './catalog.ts';

export interface Warehouse {
  /** Learns the columns of the events; returns the statements that show new ones. */
  observe(events: readonly NormalEvent[], slugOf: (event: NormalEvent) => string): string[];
  /** Statements for every view known. */
  all(): string[];
  /** Writes new columns to the catalog, inside the caller's transaction. */
  save(catalog: Catalog): void;
}

export function createWarehouse(_catalog: Catalog): Warehouse {
  return { observe: () => [], all: () => [], save: () => undefined };
}
