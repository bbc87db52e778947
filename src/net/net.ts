/**
 * The only way out. Whatever a destination talks to, it reaches it through this: an address guard
 * (faults of server-side request forgery), no redirects, bounded time and bounded answers.
 */
import type { Socket } from 'node:net';
import type { Dispatcher } from 'undici';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  signal?: AbortSignal | undefined;
  /** For the whole exchange; by default `net.timeoutMs`. */
  timeoutMs?: number;
  /** Bytes of the answer that are kept; by default `net.responseBytesMax`. */
  responseBytesMax?: number;
}

export interface HttpAnswer {
  status: number;
  /** Lower-case names; repeated headers joined with a comma. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** True when the answer was longer than what was kept; the rest was not read. */
  isTruncated: boolean;
}

export interface Net {
  /**
   * One request, with keep-alive. A redirect is an answer like another. Rejects at once when the
   * signal aborts.
   * @throws MillraceError ADDRESS_REFUSED (guard), or NET_FAILED whose message begins with timeout,
   *   aborted, dns, refused, reset, tls or protocol and a colon; it names the host and no more.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  /** The guarded dispatcher under `request`, for libraries that take one. */
  dispatcher(): Promise<Dispatcher>;
  /**
   * Checks a host and port as far as that goes without the network: literals, schemes, ports.
   * Called when settings are saved; `connect` and `request` check again what a name resolves to.
   * @throws MillraceError ADDRESS_REFUSED
   */
  checkHost(host: string, port: number): void;
  /** As `checkHost`, for the URL of a request. @throws MillraceError ADDRESS_REFUSED */
  checkUrl(url: string): void;
  /**
   * Opens a TCP connection to an address that passed the guard, for protocols that are not HTTP.
   * @throws MillraceError ADDRESS_REFUSED or NET_FAILED
   */
  connect(options: { host: string; port: number; timeoutMs?: number }): Promise<Socket>;
  /** Resolves a name and returns an address that passed the guard. @throws as `connect` */
  resolve(host: string, port: number): Promise<{ address: string; family: 4 | 6 }>;
  close(): Promise<void>;
}
