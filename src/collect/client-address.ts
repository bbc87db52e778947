import { BlockList, isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';

export type AddressPolicy = 'keep' | 'truncate' | 'drop';

/**
 * Finds the client's address: the first hop from the right that is not a trusted proxy, in
 * `X-Forwarded-For`, or else in `Forwarded` (RFC 7239).
 */
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * Builds the address finder. Without trusted proxies the peer's address counts and
 * `X-Forwarded-For` is ignored, because anybody can send it.
 * @param trustedProxies addresses or CIDR ranges, as the configuration has validated them.
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return (request) => plainAddress(peerOf(request));
  const trusted = new BlockList();
  for (const range of trustedProxies) addRange(trusted, range);
  const isTrusted = (address: string) => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
  return (request) => {
    let address = plainAddress(peerOf(request));
    if (!isTrusted(address)) return address;
    const hops = hopsOf(request);
    for (let at = hops.length - 1; at >= 0 && isTrusted(address); at--) {
      const hop = plainAddress(hops[at] ?? '');
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** Addresses without what proxies write around them: quotes, brackets, ports. */
function hopsOf({ headers }: IncomingMessage): string[] {
  const forwardedFor = headers['x-forwarded-for'];
  if (forwardedFor !== undefined) return listOf(String(forwardedFor)).map(bareAddress);
  const { forwarded } = headers;
  return forwarded === undefined ? [] : forwardedNodes(forwarded).map(bareAddress);
}

/** Empty members of a list are no members (RFC 9110 5.6.1). */
function listOf(text: string): string[] {
  return text.split(',').filter((member) => member.trim() !== '');
}

/** The `for` of each hop; a hop without one is empty, because what lies behind it is not known. */
function forwardedNodes(forwarded: string): string[] {
  return listOf(forwarded).map((hop) => /(?:^|;)\s*for=([^;]*)/i.exec(hop)?.[1] ?? '');
}

const IN_BRACKETS = /^\[([^\]]*)\](?::\d+)?$/;
const WITH_PORT = /^([^:]*):\d+$/;

function bareAddress(text: string): string {
  const bare = text.trim().replace(/^"(.*)"$/, '$1');
  return IN_BRACKETS.exec(bare)?.[1] ?? WITH_PORT.exec(bare)?.[1] ?? bare;
}

/** Applies a source's `ip` setting. Truncation keeps /24 of IPv4 and /48 of IPv6. */
export function applyAddressPolicy(address: string, policy: AddressPolicy): string {
  if (policy === 'keep') return address;
  if (policy === 'drop') return '';
  const family = isIP(address);
  if (family === 4) return address.slice(0, address.lastIndexOf('.')) + '.0';
  if (family === 6) return expandedGroups(address).slice(0, 3).join(':') + '::';
  return '';
}

function peerOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? '';
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function addRange(list: BlockList, range: string): void {
  const [address = '', prefix] = range.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
}

function expandedGroups(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  return [...left, ...zeros, ...right];
}
