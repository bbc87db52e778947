/** Makes the catalogue of Segment's destinations from the installed package. */
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import type { SegmentDestination } from '../src/destinations/segment-actions/catalogue.ts';
import type {
  SegmentAction,
  SegmentField,
  SegmentPreset,
} from '../src/destinations/segment-actions/segment-shapes.ts';

const require = createRequire(import.meta.url);
const FOLDER = join(dirname(require.resolve('@segment/action-destinations')), 'destinations');
/** Packages that open connections by themselves. */
const CLIENTS = /^(@aws-sdk\/.*|kafkajs|ssh2.*)$/;
const SOCKETS = new Set(['http', 'https', 'http2', 'net', 'tls', 'dgram', 'dns', 'child_process']);

interface Definition {
  name: string;
  slug: string;
  description?: string;
  authentication?: {
    scheme: string;
    fields?: Record<string, SegmentField>;
    testAuthentication?: unknown;
  };
  actions: Record<
    string,
    {
      title: string;
      description?: string;
      platform?: string;
      defaultSubscription?: string;
      fields?: Record<string, SegmentField>;
      performBatch?: unknown;
    }
  >;
  presets?: SegmentPreset[];
  onDelete?: unknown;
  audienceConfig?: unknown;
}

/** All destinations of the package, by slug. Loads all their code. */
export function makeCatalogue(): SegmentDestination[] {
  const { manifest } = require('@segment/action-destinations') as {
    manifest: Record<string, { definition: Definition; path: string }>;
  };
  return Object.values(manifest)
    .map(({ definition, path }) => entryOf(definition, path))
    .sort((left, right) => (left.slug < right.slug ? -1 : 1));
}

function entryOf(definition: Definition, path: string): SegmentDestination {
  const { authentication } = definition;
  const actions = Object.entries(definition.actions).map(
    ([key, action]): [string, SegmentAction] => [
      key,
      {
        title: action.title,
        description: action.description ?? '',
        ...(action.defaultSubscription ? { defaultSubscription: action.defaultSubscription } : {}),
        hasBatch: typeof action.performBatch === 'function',
        platform: action.platform ?? 'cloud',
        fields: action.fields ?? {},
      },
    ],
  );
  // What JSON cannot say (functions that ask the service for choices) is left out.
  return JSON.parse(
    JSON.stringify({
      slug: definition.slug,
      name: definition.name,
      description: definition.description ?? '',
      folder: dirname(path).slice(FOLDER.length + 1),
      scheme: authentication?.scheme ?? 'none',
      settings: authentication?.fields ?? {},
      actions: Object.fromEntries(actions),
      presets: definition.presets ?? [],
      hasTest: typeof authentication?.testAuthentication === 'function',
      hasDelete: typeof definition.onDelete === 'function',
      hasAudience: definition.audienceConfig !== undefined,
      ownClients: clientsOf(path),
    } satisfies SegmentDestination),
  ) as SegmentDestination;
}

/** Packages that a destination's own files use to connect, however indirectly they import. */
function clientsOf(entry: string): string[] {
  const seen = new Set<string>();
  const clients = new Set<string>();
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, name = ''] of text.matchAll(/\brequire\("([^"]+)"\)/g)) {
      if (name.startsWith('.')) open.push(createRequire(path).resolve(name));
      else if (CLIENTS.test(name) || isSocket(name, text)) clients.add(name);
    }
  }
  return [...clients].sort();
}

/** An `https.Agent` alone connects to nothing: it is an option of requests that we make. */
function isSocket(name: string, text: string): boolean {
  if (!isBuiltin(name) || !SOCKETS.has(name.replace('node:', ''))) return false;
  return (
    !/\bhttps_1\.(default\.)?Agent\b/.test(text) ||
    /https_1\.(default\.)?(request|get)\b/.test(text)
  );
}
