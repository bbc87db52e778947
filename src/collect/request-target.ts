/** Which resource a request is for, by its target and its Host header (RFC 9112, section 3.2). */
import type { IncomingMessage } from 'node:http';

export interface RequestTarget {
  /** Doubled slashes are one. */
  path: string;
  /** Without `?`; empty when there is none. */
  query: string;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
const SLASH = 0x2f;
const HOST = 'host';

/** The path and query of a request. Of an absolute target the host counts, and not the header. */
export function targetOf(request: IncomingMessage): RequestTarget {
  let url = request.url ?? '/';
  const absolute = url.charCodeAt(0) === SLASH ? null : ABSOLUTE.exec(url);
  if (absolute) {
    request.headers.host = absolute[1];
    url = url.slice(absolute[0].length);
  }
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return {
    path: path.includes('//') ? path.replace(/\/{2,}/g, '/') : path,
    query: mark < 0 ? '' : url.slice(mark + 1),
  };
}

/** node:http keeps the first and says nothing. */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === HOST.length && name.toLowerCase() === HOST) hosts++;
  }
  return hosts > 1;
}
