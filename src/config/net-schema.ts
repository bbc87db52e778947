/** Settings of what Millrace itself connects to: webhooks, databases, brokers. */
import { z } from 'zod';
import { bytes, integer, milliseconds } from './fields.ts';
import { isAddressRange } from './listener-schema.ts';

const ENTRIES_MAX = 1_000;
const KIB = 2 ** 10;
/** One label after another, with the underscores that container networks allow. */
const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i;
const HOST_NAME_CHARS_MAX = 253;

/** Text is taken too, because a list in an environment variable has nothing else. */
const port = z.preprocess(
  (value) => (typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value),
  z.int().min(1).max(65_535),
);

export const netSchema = z.strictObject({
  allow: z
    .array(
      z.string().refine(isAllowEntry).meta({
        allowed: 'IP address, CIDR range or host name, such as 10.0.0.0/8 or crm.internal',
      }),
    )
    .max(ENTRIES_MAX)
    .meta({
      allowed: 'list of IP addresses, CIDR ranges or host names (exact)',
      description:
        'Private addresses that destinations may connect to. A host name is allowed whatever ' +
        'it resolves to. Addresses of cloud metadata services are refused all the same.',
    })
    .default([]),
  ports: z
    .array(port.meta({ allowed: 'integer, 1 to 65535' }))
    .max(ENTRIES_MAX)
    .meta({
      allowed: 'list of integers, 1 to 65535',
      description: 'Ports that HTTP requests may use beside 80, 443, 8080 and 8443.',
    })
    .default([]),
  proxy: z
    .string()
    .refine(isProxyUrl)
    .nullable()
    .meta({
      allowed: 'http:// or https:// URL without path or query; user and password may stand in it',
      description:
        'Proxy for all HTTP requests. It resolves names itself, so it has to guard them too. ' +
        'Connections that are not HTTP (databases, brokers) do not use it.',
      isSecret: true,
    })
    .default(null),
  connectTimeoutMs: milliseconds({
    description: 'How long a connection may take: name, TCP and TLS.',
  }).default(5_000),
  timeoutMs: milliseconds({
    description: 'How long a whole exchange may take, to the last byte of the answer.',
  }).default(15_000),
  responseBytesMax: bytes({
    min: KIB,
    max: 16 * KIB * KIB,
    description: 'How much of an answer is read; then the connection is closed.',
  }).default(64 * KIB),
  connectionsPerHost: integer({
    min: 1,
    max: 10_000,
    unit: 'connections',
    description: 'Most connections to a scheme, host and port at once; more requests wait.',
  }).default(32),
});

export type NetSettings = z.output<typeof netSchema>;

/** An address, a CIDR range, or a host name; not a name that is written like a number. */
export function isAllowEntry(value: string): boolean {
  if (isAddressRange(value)) return !value.includes('%');
  const isName = value.length <= HOST_NAME_CHARS_MAX && HOST_NAME.test(value);
  return isName && !/^(\d+|0x[0-9a-f]*)$/i.test(value.split('.').at(-1) ?? '');
}

function isProxyUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.pathname === '/' && url.search + url.hash === '' && !/[?#]/.test(value);
}
