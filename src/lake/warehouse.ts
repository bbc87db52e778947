/**
 * Keeps the generated warehouse views in step with the columns that events bring. What was learnt
 * is saved with each flush, so that views and column types survive a restart unchanged; what came
 * after the last flush is learnt again from the log.
 */
import { isInternalSlug } from '../base/internal-source.ts';
import type { Catalog } from './file-catalog.ts';
import type { Source, Table } from './schema/schema-model.ts';
import { createRegistry } from './schema/column-registry.ts';
import type { ObservedEvent, RegistryLimits } from './schema/column-registry.ts';
import { createSchemaStore } from './schema/schema-store.ts';
import { sourceStatements, tableStatements } from './schema/warehouse-views.ts';

export interface Warehouse {
  /** Makes a source known before its first event; the next `observe` returns its tables. */
  addSource(slug: string): void;
  /**
   * Learns the columns of the events, but for those of Millrace's own sources; returns the
   * statements that show new ones.
   */
  observe<Event extends ObservedEvent>(
    events: readonly Event[],
    slugOf: (event: Event) => string,
  ): string[];
  /** Statements for every view known. */
  all(): string[];
  /** Writes new columns to the catalog, inside the caller's transaction. */
  save(catalog: Catalog): void;
}

/** @param limits for tests; the defaults are the exported constants of schema/registry.ts. */
export function createWarehouse(catalog: Catalog, limits?: RegistryLimits): Warehouse {
  const registry = createRegistry(limits);
  const store = createSchemaStore();
  const known = store.load(catalog.database);
  registry.restore(known.filter(({ slug }) => !isInternalSlug(slug)));
  const sourceOf = (table: Table): Source[] => {
    const source = registry.sources.get(table.source);
    return source ? [source] : [];
  };

  return {
    addSource(slug) {
      if (!isInternalSlug(slug)) registry.addSource(slug);
    },
    observe(events, slugOf) {
      for (const event of events) {
        const slug = slugOf(event);
        if (!isInternalSlug(slug)) registry.observe(event, slug);
      }
      const { sources, tables } = registry.takeChanges();
      const isNew = new Set(sources.map(({ slug }) => slug));
      for (const source of sources) store.noteSource(source);
      for (const table of tables) store.noteTable(table);
      return [
        ...sources.flatMap(everyStatement),
        ...tables
          .filter(({ source }) => !isNew.has(source))
          .flatMap((table) => sourceOf(table).flatMap((source) => tableStatements(source, table))),
      ];
    },
    all: () => [...registry.sources.values()].flatMap(everyStatement),
    save: ({ database }) => store.save(database),
  };
}

function everyStatement(source: Source): string[] {
  const tables = [...source.tables.values()];
  return [
    ...sourceStatements(source),
    ...tables.flatMap((table) => tableStatements(source, table)),
  ];
}
