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
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';
import { NOT_NEEDED } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import type { NetSettings } from '../config/net-schema.ts';
import { createAddressGuard } from './address-guard.ts';
import type { AddressGuard } from './address-guard.ts';
import { pinnedLookup } from './checked-lookup.ts';
import type { Checked, CheckedLookup, Lookup, Resolve, ResolvedAddress } from './checked-lookup.ts';
import type { AgentOptions } from './http-agent.ts';
import { exchange } from './http-exchange.ts';
import type { Net } from './net.ts';
import { netFailure } from './net-failure.ts';

/** Opens the way out; `close` ends what is under way. */
export function createNet(options: { settings: NetSettings; clock: Clock; lookup?: Lookup }): Net {
  const { settings, clock } = options;
  const guard = createAddressGuard(settings);
  const lookup = guardedLookup(guard, options.lookup ?? lookupSystem);
  const resolve: Resolve = (host, port, timeoutMs) => {
    const name = guard.checkHost(host, port);
    return inTime(lookup(name), { name, timeoutMs, clock });
  };
  const agent = lateAgent({ settings, guard, lookup, resolve });
  let known: { text: string; url: URL } | undefined;
  return {
    dispatcher: () => agent.open(),
    checkHost: (host, port) => void guard.checkHost(host, port),
    checkUrl: (url) => void guard.checkUrl(url),
    async request(request) {
      // Mostly the same one again and again.
      if (request.url !== known?.text) {
        known = { text: request.url, url: guard.checkUrl(request.url) };
      }
      const { url } = known;
      return exchange({ agent: await agent.open(), settings, clock }, url, request);
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
    close: () => agent.close(),
  };
}

/** Made for the first request. */
function lateAgent(options: AgentOptions) {
  let opening: Promise<Dispatcher> | undefined;
  let isClosed = false;
  return {
    open: () =>
      (opening ??= import('./http-agent.ts').then(async ({ openAgent }) => {
        const agent = openAgent(options);
        // One that is destroyed refuses requests.
        if (isClosed) await agent.destroy();
        return agent;
      })),
    async close(): Promise<void> {
      isClosed = true;
      await (await opening)?.destroy();
    },
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
