/**
 * `Net` over undici. Every new connection goes through the guard: what is written as an address is
 * judged as it is; a name is resolved, ALL its addresses are judged, and the socket may connect to
 * these addresses only, so that a name that changes its mind in between gains nothing. TLS still
 * proves the name. Private certificate authorities come from NODE_EXTRA_CA_CERTS.
 *
 * With `net.proxy` the proxy resolves names and connects. The guard then judges what is written,
 * and what a name resolves to here; a name that does not resolve here is left to the proxy.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { connect as connectSocket, isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, ProxyAgent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { NOT_NEEDED } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { MillraceError, toError } from '../base/errors.ts';
import type { NetSettings } from '../config/net-schema.ts';
import { createAddressGuard, portOf } from './address-guard.ts';
import type { AddressGuard } from './address-guard.ts';
import { exchange } from './http-exchange.ts';
import type { Net } from './net.ts';
import { netFailure } from './net-failure.ts';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** All addresses of a name. A seam, so that tests can be the DNS. */
export type Lookup = (name: string) => Promise<readonly ResolvedAddress[]>;

type Checked = readonly [ResolvedAddress, ...ResolvedAddress[]];
type CheckedLookup = (name: string) => Promise<Checked>;
type Resolve = (host: string, port: number, timeoutMs: number) => Promise<Checked>;

/** Names and values of an answer's headers together; more ends the connection. */
const HEADER_BYTES_MAX = 16_384;
/** Of an answer to a library that uses the dispatcher; `request` has a smaller bound of its own. */
const ANSWER_BYTES_MAX = 16 * 2 ** 20;

/** Opens the way out; `close` ends what is under way. */
export function createNet(options: { settings: NetSettings; clock: Clock; lookup?: Lookup }): Net {
  const { settings, clock } = options;
  const guard = createAddressGuard(settings);
  const lookup = guardedLookup(guard, options.lookup ?? lookupSystem);
  const resolve: Resolve = (host, port, timeoutMs) => {
    const name = guard.checkHost(host, port);
    return inTime(lookup(name), { name, timeoutMs, clock });
  };
  const agent =
    settings.proxy === null
      ? directAgent(settings, guard, lookup)
      : proxyAgent(settings, settings.proxy, guard, resolve);
  let known: { text: string; url: URL } | undefined;
  return {
    dispatcher: agent,
    checkHost: (host, port) => void guard.checkHost(host, port),
    checkUrl: (url) => void guard.checkUrl(url),
    async request(request) {
      // Mostly the same one again and again.
      if (request.url !== known?.text) {
        known = { text: request.url, url: guard.checkUrl(request.url) };
      }
      return exchange({ agent, settings, clock }, known.url, request);
    },
    async resolve(host, port) {
      const [first] = await resolve(host, port, settings.connectTimeoutMs);
      return first;
    },
    async connect({ host, port, timeoutMs = settings.connectTimeoutMs }) {
      const endMs = clock.monotonicMs() + timeoutMs;
      const addresses = await resolve(host, port, timeoutMs);
      const leftMs = Math.max(1, endMs - clock.monotonicMs());
      return connectTo(addresses, { host, port, timeoutMs: leftMs, clock });
    },
    close: () => agent.destroy(),
  };
}

async function lookupSystem(name: string): Promise<readonly ResolvedAddress[]> {
  const found = await systemLookup(name, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/** @returns a lookup of normalised hosts whose answers have all passed the guard. */
function guardedLookup(guard: AddressGuard, lookup: Lookup): CheckedLookup {
  return async (name) => {
    const family = isIP(name);
    const isAddress = family === 4 || family === 6;
    const found = isAddress ? [{ address: name, family } as const] : await lookup(name);
    for (const { address } of found) guard.checkAddress(name, address);
    const [first, ...others] = found;
    if (!first) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
    return [first, ...others];
  };
}

/** The system's resolver has no timeout of its own that one could set. */
async function inTime<T>(
  found: Promise<T>,
  { name, timeoutMs, clock }: { name: string; timeoutMs: number; clock: Clock },
): Promise<T> {
  const ended = new AbortController();
  const timer = clock.sleep(timeoutMs, ended.signal).then(
    () => Promise.reject(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' })),
    () => found, // Ended in time.
  );
  try {
    return await Promise.race([found, timer]);
  } catch (error) {
    throw netFailure(error, name);
  } finally {
    ended.abort(NOT_NEEDED);
  }
}

function agentOptions(settings: NetSettings) {
  return {
    connections: settings.connectionsPerHost,
    // HTTP/2 would share one connection, and its headers are not bounded in the same way.
    allowH2: false,
    maxHeaderSize: HEADER_BYTES_MAX,
    maxResponseSize: Math.max(ANSWER_BYTES_MAX, settings.responseBytesMax),
    connectTimeout: settings.connectTimeoutMs,
    headersTimeout: settings.timeoutMs,
    bodyTimeout: settings.timeoutMs,
  };
}

function directAgent(settings: NetSettings, guard: AddressGuard, lookup: CheckedLookup) {
  const connect = guardedConnector(settings, guard, lookup);
  return new Agent({ ...agentOptions(settings), connect });
}

/** Judges what can be judged of a target that the proxy resolves. */
function proxyAgent(settings: NetSettings, uri: string, guard: AddressGuard, resolve: Resolve) {
  const mayPass = async (origin: string): Promise<void> => {
    const { hostname } = guard.checkUrl(origin);
    try {
      await resolve(hostname, 1, settings.connectTimeoutMs);
    } catch (error) {
      // Networks with a proxy often know inner names only.
      if (error instanceof MillraceError && error.code === 'NET_FAILED') return;
      throw error;
    }
  };
  const proxy = new ProxyAgent({ ...agentOptions(settings), uri });
  return proxy.compose((dispatch) => (options, handler) => {
    callbackify(mayPass)(String(options.origin ?? ''), (error: Error | null) => {
      if (error) handler.onResponseError?.(NOTHING_BEGUN, error);
      else dispatch(options, handler);
    });
    return true;
  });
}

/** For a request that has not begun: there is nothing to pause or abort. */
const NOTHING_BEGUN = null as unknown as Dispatcher.DispatchController;

/** undici's connector behind the guard. A literal address never reaches its lookup. */
function guardedConnector(
  settings: NetSettings,
  guard: AddressGuard,
  lookup: CheckedLookup,
): buildConnector.connector {
  const connector = buildConnector({
    allowH2: false,
    timeout: settings.connectTimeoutMs,
    lookup: pinnedLookup(lookup),
    autoSelectFamily: true,
  });
  return (options, callback) => {
    try {
      const name = guard.checkHttpHost(options.hostname, portOf(options));
      connector({ ...options, hostname: name }, callback);
    } catch (error) {
      callback(toError(error), null);
    }
  };
}

/** A lookup in the shape of node:net, which takes one address or all. */
function pinnedLookup(lookup: CheckedLookup): LookupFunction {
  return (name, options, callback) => {
    callbackify(lookup)(name, (error: Error | null, addresses) => {
      if (error) callback(error, '');
      else if (options.all) callback(null, [...addresses]);
      else callback(null, addresses[0].address, addresses[0].family);
    });
  };
}

/** Tries the addresses as browsers do (RFC 8305), and no others. */
async function connectTo(
  addresses: Checked,
  target: { host: string; port: number; timeoutMs: number; clock: Clock },
): Promise<Socket> {
  const { host, port, timeoutMs, clock } = target;
  const socket = connectSocket({
    host,
    port,
    autoSelectFamily: true,
    lookup: pinnedLookup(() => Promise.resolve(addresses)),
  });
  const ended = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
      clock.sleep(timeoutMs, ended.signal).then(
        () => reject(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' })),
        () => undefined, // Ended in time.
      );
    });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw netFailure(error, `${host}:${port}`);
  } finally {
    ended.abort(NOT_NEEDED);
  }
}
