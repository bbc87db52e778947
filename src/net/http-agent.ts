/**
 * undici's agents behind the guard: one that connects by itself, and one through a proxy. In a
 * module of its own, because the library takes long to load and many servers never go out.
 */
import { callbackify } from 'node:util';
import { Agent, ProxyAgent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { MillraceError, toError } from '../base/errors.ts';
import type { NetSettings } from '../config/net-schema.ts';
import { portOf } from './address-guard.ts';
import type { AddressGuard } from './address-guard.ts';
import { pinnedLookup } from './checked-lookup.ts';
import type { CheckedLookup, Resolve } from './checked-lookup.ts';

/** Names and values of an answer's headers together; more ends the connection. */
const HEADER_BYTES_MAX = 16_384;
/** Of an answer to a library that uses the dispatcher; `request` has a smaller bound of its own. */
const ANSWER_BYTES_MAX = 16 * 2 ** 20;

/** What an agent judges by. */
export interface AgentOptions {
  settings: NetSettings;
  guard: AddressGuard;
  lookup: CheckedLookup;
  resolve: Resolve;
}

/** The way out that `net.proxy` says. */
export function openAgent({ settings, guard, lookup, resolve }: AgentOptions): Dispatcher {
  if (settings.proxy === null) return directAgent(settings, guard, lookup);
  return proxyAgent(settings, settings.proxy, guard, resolve);
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
