/** Which region a host name is bound to. Hosts that no region claims accept every key. */
import type { RegionEntry } from './snapshot.ts';

export interface HostRegions {
  /** @param host the Host header, with or without port. */
  regionOf(host: string | undefined): string | undefined;
}

export function createHostRegions(regions: readonly RegionEntry[]): HostRegions {
  const byHost = new Map<string, string>();
  for (const { name, hosts } of regions) for (const host of hosts) byHost.set(host, name);
  return {
    regionOf(host) {
      if (byHost.size === 0 || host === undefined) return undefined;
      return byHost.get(host) ?? byHost.get(plainHost(host));
    },
  };
}

/** Lower case, without port and without the root's dot: `EU.Example.:443` → `eu.example`. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}
