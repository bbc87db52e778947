/**
 * Which addresses Millrace may connect to on behalf of a destination: rules over text, without the
 * network. Everything that is not public is refused unless `net.allow` names it; the metadata
 * services of clouds are refused even then, because they hand out the credentials of the machine.
 *
 * A name is judged twice: as it is written (`checkUrl`, `checkHost`) and by every address that it
 * resolves to (`checkAddress`). Writing an address as a number (`2130706433`, `0x7f.1`) is undone
 * by the URL parser before anything is judged.
 */
import { BlockList, isIP } from 'node:net';
import { MillraceError } from '../base/errors.ts';

export interface AddressGuard {
  /** @throws MillraceError ADDRESS_REFUSED for scheme, credentials, host or port. */
  checkUrl(url: string): URL;
  /** For HTTP, where unusual ports are refused. @throws MillraceError ADDRESS_REFUSED */
  checkHttpHost(host: string, port: number): string;
  /**
   * For protocols with ports of their own.
   * @returns the host as it is to be resolved: lower case, numbers undone, without brackets.
   * @throws MillraceError ADDRESS_REFUSED
   */
  checkHost(host: string, port: number): string;
  /** @param host what resolved to the address, normalised. @throws MillraceError ADDRESS_REFUSED */
  checkAddress(host: string, address: string): void;
}

/** What is not public. IPv6 is the other way round: only 2000::/3 is, with these exceptions. */
const PRIVATE_IPV4: readonly (readonly [range: string, what: string])[] = [
  ['0.0.0.0/8', 'unspecified'],
  ['10.0.0.0/8', 'private'],
  ['100.64.0.0/10', 'of a carrier (CGNAT)'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['172.16.0.0/12', 'private'],
  ['192.0.0.0/24', 'reserved'],
  ['192.0.2.0/24', 'for documentation'],
  ['192.88.99.0/24', 'a 6to4 relay'],
  ['192.168.0.0/16', 'private'],
  ['198.18.0.0/15', 'for benchmarks'],
  ['198.51.100.0/24', 'for documentation'],
  ['203.0.113.0/24', 'for documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved or broadcast'],
];
const PRIVATE_IPV6: typeof PRIVATE_IPV4 = [
  ['2001::/23', 'reserved (Teredo, benchmarks)'],
  ['2001:db8::/32', 'for documentation'],
  ['2002::/16', '6to4'],
  ['3fff::/20', 'for documentation'],
];
const PUBLIC_IPV6 = listOf(['2000::/3']);
const PRIVATE = [...PRIVATE_IPV4, ...PRIVATE_IPV6].map(
  ([range, what]) => [listOf([range]), what] as const,
);

/**
 * Where virtual machines and containers get their credentials: AWS (machine, ECS, EKS), Azure,
 * Google, Oracle, Alibaba, and others that use 169.254.169.254 like all of them.
 */
const METADATA = listOf([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '168.63.129.16',
  '192.0.0.192',
  '100.100.100.200',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
]);
const METADATA_NAMES = new Set([
  'metadata',
  'metadata.goog',
  'metadata.google.internal',
  'instance-data',
  'instance-data.ec2.internal',
]);

const HTTP_PORTS = new Set([80, 443, 8080, 8443]);
const HOST_CHARS_MAX = 253;

/** @param settings `net` of the configuration. */
export function createAddressGuard(settings: {
  allow: readonly string[];
  ports: readonly number[];
}): AddressGuard {
  const isRange = (entry: string): boolean => isIP(entry.split('/')[0] ?? '') !== 0;
  const allowed = listOf(settings.allow.filter(isRange));
  const allowedNames = new Set(
    settings.allow.filter((entry) => !isRange(entry)).map((entry) => entry.toLowerCase()),
  );
  const ports = new Set([...HTTP_PORTS, ...settings.ports]);

  const checkAddress = (host: string, address: string): void => {
    const shown = host === address ? address : `${host} (${address})`;
    if (isIP(address) === 0 || address.includes('%')) throw refused(`${shown} is no address`);
    // An address that carries another leads to that one, so both have to be right.
    for (const at of [address, ...embeddedIpv4(address)]) {
      if (isIn(METADATA, at)) throw refused(`${shown} is a metadata service`);
      const what = whatIsPrivate(at);
      if (what !== undefined && !allowedNames.has(host) && !isIn(allowed, at)) {
        throw refused(`${shown} is ${what}; net.allow can allow it`);
      }
    }
  };
  const checkHost = (host: string, port: number): string => {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw refused(`port ${port} does not exist`);
    }
    const name = normalisedHost(host);
    if (isIP(name) !== 0) {
      checkAddress(name, name);
    } else if (METADATA_NAMES.has(name)) {
      throw refused(`${name} is a metadata service`);
    } else if (/(^|\.)localhost$/.test(name) && !allowedNames.has(name)) {
      throw refused(`${name} is this machine; net.allow can allow it by this name`);
    }
    return name;
  };
  const checkHttpHost = (host: string, port: number): string => {
    const name = checkHost(host, port);
    const isAllowed = allowedNames.has(name) || (isIP(name) !== 0 && isIn(allowed, name));
    if (isAllowed || ports.has(port)) return name;
    throw refused(`port ${port} is unusual for HTTP; net.ports can allow it`);
  };
  return {
    checkAddress,
    checkHost,
    checkHttpHost,
    checkUrl(text) {
      const url = URL.parse(text);
      if (url === null) throw refused('it is no URL');
      if (url.protocol !== 'http:' && url.protocol !== 'https:') {
        throw refused('the scheme must be http or https');
      }
      if (url.username !== '' || url.password !== '') {
        throw refused('a URL must not have a user or password; use a header');
      }
      checkHttpHost(url.hostname, portOf(url));
      return url;
    },
  };
}

/** The port of an HTTP URL, which the parser leaves out when it is the scheme's own. */
export function portOf({ port, protocol }: { port: string; protocol: string }): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

/** As the URL parser writes it; without brackets, and without the dot that ends a full name. */
function normalisedHost(host: string): string {
  const isBareIpv6 = isIP(host) === 6;
  const isStrange = host === '' || host.length > HOST_CHARS_MAX || /[\s/?#@\\%]/.test(host);
  const url = isStrange ? null : URL.parse(`http://${isBareIpv6 ? `[${host}]` : host}/`);
  const hasPort = !isBareIpv6 && !/^(\[[^\]]*\]|[^:]*)$/.test(host);
  const name = url?.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '') ?? '';
  if (url === null || hasPort || name === '' || name.endsWith('.')) {
    throw refused('it is no host name');
  }
  return name;
}

function whatIsPrivate(address: string): string | undefined {
  const found = PRIVATE.find(([list]) => isIn(list, address));
  if (found) return found[1];
  return isIP(address) === 6 && !isIn(PUBLIC_IPV6, address) ? 'not public' : undefined;
}

/**
 * IPv4 addresses inside an IPv6 one: mapped and compatible (::/96 and friends), NAT64
 * (64:ff9b::/96, and the ranges of that size in 64:ff9b:1::/48), 6to4 (2002::/16) and Teredo
 * (2001::/32: its server, and its client inverted).
 */
function embeddedIpv4(address: string): string[] {
  if (isIP(address) !== 6) return [];
  const words = ipv6Words(address);
  const [first = 0, second = 0, third = 0] = words;
  const last = dotted(words[6], words[7]);
  if (first === 0 && words.slice(0, 4).every((word) => word === 0)) {
    // `::` and `::1` are themselves, and refused as such.
    return words.slice(0, 7).every((word) => word === 0) ? [] : [last];
  }
  if (first === 0x64 && second === 0xff9b) return [last];
  if (first === 0x2002) return [dotted(second, third)];
  if (first === 0x2001 && second === 0) {
    return [dotted(words[2], words[3]), dotted(~(words[6] ?? 0), ~(words[7] ?? 0))];
  }
  return [];
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high, low >> 8, low].map((byte) => byte & 0xff).join('.');
}

/** The eight numbers of an IPv6 address in any of its spellings. */
function ipv6Words(address: string): number[] {
  // The parser turns a dotted tail into words; what is left to undo is `::`.
  const { hostname } = new URL(`http://[${address}]/`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const wordsOf = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16));
  const before = wordsOf(head);
  const after = wordsOf(tail ?? '');
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function refused(why: string): MillraceError {
  return new MillraceError('ADDRESS_REFUSED', `the address is not allowed: ${why}`);
}
