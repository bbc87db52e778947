/** Which regions there are. */
import { listSourcesEver } from '../store/sources/sources.ts';
import type { ServerParts } from './server-parts.ts';

/** A region that the configuration no longer names keeps its data readable. */
export function regionsOf({ config, store }: Pick<ServerParts, 'config' | 'store'>): string[] {
  const used = listSourcesEver(store).map(({ region }) => region);
  return [...new Set([...Object.keys(config.regions), ...used])];
}
