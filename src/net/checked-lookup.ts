/** Names resolved to addresses that have passed the guard, and a socket that keeps to them. */
import type { LookupFunction } from 'node:net';
import { callbackify } from 'node:util';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** All addresses of a name. A seam, so that tests can be the DNS. */
export type Lookup = (name: string) => Promise<readonly ResolvedAddress[]>;

/** At least one, and each has passed the guard. */
export type Checked = readonly [ResolvedAddress, ...ResolvedAddress[]];
export type CheckedLookup = (name: string) => Promise<Checked>;
/** @throws MillraceError ADDRESS_REFUSED or NET_FAILED */
export type Resolve = (host: string, port: number, timeoutMs: number) => Promise<Checked>;

/** A lookup in the shape of node:net, which takes one address or all. */
export function pinnedLookup(lookup: CheckedLookup): LookupFunction {
  return (name, options, callback) => {
    callbackify(lookup)(name, (error: Error | null, addresses) => {
      if (error) callback(error, '');
      else if (options.all) callback(null, [...addresses]);
      else callback(null, addresses[0].address, addresses[0].family);
    });
  };
}
