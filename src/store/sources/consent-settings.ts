/** What consent wrappers in browsers ask of a source: which categories its destinations need. */
import type { Store } from '../store.ts';
import { ensureWorkspace } from '../workspace/workspaces.ts';

/** What SDK settings tell consent wrappers. */
export interface ConsentSettings {
  /** All that any destination of the source is mapped to, in order, each once. */
  allCategories: string[];
  /** True when a destination of the source receives whatever the user consented to. */
  hasUnmappedDestinations: boolean;
}

interface ConsentMapping {
  region: string;
  /** Ids of sources; null: all of its region. */
  sources: string[] | null;
  categories: string[];
}

/**
 * Of every source; null where no destination has categories. A wrapper that is told of none has
 * nothing to ask for; one that is told "no categories, and no destination without" sends nothing
 * at all. Disabled destinations receive nothing, so they ask for nothing.
 */
export function consentSettingsFor(
  store: Store,
): (source: { slug: string; region: string }) => ConsentSettings | null {
  const mappings = consentMappings(store);
  return ({ slug, region }) => {
    const own = mappings.filter(
      (mapping) => mapping.region === region && (mapping.sources?.includes(slug) ?? true),
    );
    const categories = new Set(own.flatMap((mapping) => mapping.categories));
    if (categories.size === 0) return null;
    return {
      allCategories: [...categories].sort(),
      hasUnmappedDestinations: own.some((mapping) => mapping.categories.length === 0),
    };
  };
}

function consentMappings(store: Store): ConsentMapping[] {
  return store.database
    .prepare(
      `select region, sources, consent_categories from destinations
       where workspace_id = ? and state <> 'disabled'`,
    )
    .all(ensureWorkspace(store).id)
    .map((row) => ({
      region: String(row['region']),
      sources: row['sources'] === null ? null : (JSON.parse(String(row['sources'])) as string[]),
      categories: JSON.parse(String(row['consent_categories'])) as string[],
    }));
}
