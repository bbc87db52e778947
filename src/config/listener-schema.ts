/** Settings of the two listeners, and of what browsers and SDKs are told. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { choice, integer, milliseconds, text } from './fields.ts';

const PORT = { min: 0, max: 65_535 };
const HOST = /^[A-Za-z0-9._:-]{1,253}$/;

const proxies = (description: string) =>
  z
    .array(z.string().refine(isAddressRange).meta({ allowed: 'IP address or CIDR range' }))
    .max(1000)
    .meta({ allowed: 'list of IP addresses or CIDR ranges', description })
    .default([]);

export const collectorSchema = z.strictObject({
  port: integer({
    ...PORT,
    description: 'Port of the public listener; 0 takes a free one.',
  }).default(8080),
  host: text(HOST, {
    allowed: 'address or host name',
    description: 'Address that the public listener binds.',
  }).default('0.0.0.0'),
  threads: z
    .union([z.literal('auto'), z.int().min(1).max(256)])
    .meta({
      allowed: 'auto, or an integer, 1 to 256',
      unit: 'threads',
      description:
        'Collector threads; auto is half of the cores, at least 1. Systems that cannot share a ' +
        'port between threads (macOS, Windows) have 1.',
    })
    .default('auto'),
  publicUrl: z
    .string()
    .refine(isPublicUrl)
    .nullable()
    .meta({
      allowed: 'http:// or https:// URL without path, query or user',
      description: 'Where SDKs reach this collector; by default what each request says.',
    })
    .default(null),
  trustedProxies: proxies('Proxies whose X-Forwarded-For is believed.'),
  shutdownMs: milliseconds({
    description: 'After SIGTERM, how long requests in flight may take to finish.',
  }).default(10_000),
  headersTimeoutMs: milliseconds({
    description: 'How long the headers of a request may take to arrive.',
  }).default(15_000),
  requestTimeoutMs: milliseconds({
    description: 'How long a whole request may take to arrive.',
  }).default(30_000),
  keepAliveTimeoutMs: milliseconds({
    description:
      'How long an idle connection stays open. Must exceed the idle timeout of a load balancer ' +
      'in front (often 60 s), or it will meet closed connections.',
  }).default(65_000),
  connectionsMax: integer({
    min: 1,
    max: 1_000_000,
    unit: 'connections',
    description: 'Open connections per collector thread; more are refused.',
  }).default(20_000),
});

export const adminSchema = z.strictObject({
  port: integer({
    ...PORT,
    description: 'Port of the admin listener; 0 takes a free one.',
  }).default(8081),
  host: text(HOST, {
    allowed: 'address or host name',
    description: 'Address that the admin listener binds; never make it public.',
  }).default('127.0.0.1'),
  trustedProxies: proxies(
    'Proxies before the admin listener whose X-Forwarded-For is believed, so that attempts to ' +
      'sign in count against whoever made them.',
  ),
  signIns: z
    .strictObject({
      perAddress: integer({
        min: 1,
        max: 1_000_000,
        unit: 'attempts a minute',
        description: 'Attempts to sign in, or to use an invitation, from one address.',
      }).default(30),
      perName: integer({
        min: 1,
        max: 1_000_000,
        unit: 'attempts a minute',
        description: 'Attempts to sign in under one name; a right password starts it again.',
      }).default(8),
    })
    .prefault({}),
});

const file = (description: string) =>
  text(/^.{1,4096}$/, { allowed: 'path of a PEM file', description });

export const tlsSchema = z
  .strictObject({
    cert: file('Certificate chain of the public listener; reloaded when it changes.'),
    key: file('Private key of the certificate.'),
  })
  .nullable()
  .meta({
    allowed: 'both cert and key, or nothing',
    description: 'TLS on the public listener; plain HTTP when absent.',
  })
  .default(null);

const originList = z.array(
  z.string().refine(isOrigin).meta({ allowed: 'origin such as https://shop.example' }),
);

export const corsSchema = z.strictObject({
  origins: z
    .union([z.literal('*'), originList])
    .meta({
      allowed: '*, or a list of origins such as https://shop.example',
      description: 'Origins whose pages may send events.',
    })
    .default('*'),
});

export const sdkSchema = z.strictObject({
  httpConfig: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({
      allowed: 'object, handed to SDKs as it is',
      description: 'Steers how SDKs retry: `httpConfig` of the settings that SDKs fetch.',
    })
    .default(null),
  apiHost: z
    .string()
    .regex(/^[A-Za-z0-9.:[\]-]{1,253}$/)
    .nullable()
    .meta({
      allowed: 'host name, or host:port, without scheme or path',
      description: 'Host that SDK settings name for events; by default that of publicUrl.',
    })
    .default(null),
});

export const loggingSchema = z.strictObject({
  level: choice(['silent', 'error', 'warn', 'info', 'debug'], {
    description: 'The least severe log lines that are written (standard error, JSON).',
  }).default('info'),
});

function isPublicUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null && /^https?:$/.test(url.protocol) && isOriginOf(url, value.replace(/\/$/, ''))
  );
}

function isOrigin(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && url.host !== '' && value === `${url.protocol}//${url.host}`;
}

/** A URL that is only an origin; a default port may be written out. */
function isOriginOf(url: URL, value: string): boolean {
  const { username, password, pathname, search, hash } = url;
  return username + password + search + hash === '' && pathname === '/' && !/[?#]/.test(value);
}

/** An address, or an address and a prefix length that fits its family. */
export function isAddressRange(value: string): boolean {
  const [address = '', prefix, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}
