/** Servers of protocols that are not HTTP, as settings name them. */
import { MillraceError } from '../base/errors.ts';
import type { Net } from '../net/net.ts';

export interface HostPort {
  host: string;
  port: number;
}

/** For the schema of a setting: a list of `host`, `host:port` or `[address]:port`. */
export const HOST_PORT = /^(?:\[([^\]]{1,100})\]|([^:\s]{1,253}))(?::(\d{1,5}))?$/;

/**
 * The servers of a setting, judged as far as that goes without the network.
 * @param options.port of those that name none.
 * @throws MillraceError DESTINATION_INVALID naming the field.
 */
export function checkedHostPorts(
  texts: readonly string[],
  { field, port, net }: { field: string; port: number; net: Net },
): HostPort[] {
  return texts.map((text) => {
    const parts = HOST_PORT.exec(text) ?? [];
    const server = { host: parts[1] ?? parts[2] ?? '', port: Number(parts[3] ?? port) };
    try {
      net.checkHost(server.host, server.port);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      throw new MillraceError('DESTINATION_INVALID', `${field}: ${error.message}`, { field });
    }
    return server;
  });
}
