/** Settings of a PostgreSQL destination: either a connection URL, or its parts. */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import { defineSettings } from '../destination-settings.ts';

export type Ssl = 'disable' | 'require' | 'verify';

/** What `parseSettings` returns. */
export interface PostgresSettings {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  ssl: Ssl;
  sslCertificateAuthority: string | undefined;
  schemaPrefix: string;
  columnsMax: number;
}

const PORT = 5432;
/** PostgreSQL has no more columns in a table. */
const COLUMNS_MAX = 1_600;
/** The limit of the lake's views, so that both show the same columns. */
const COLUMNS_DEFAULT = 1_000;
const COLUMNS_MIN = 50;
const TEXT_CHARS_MAX = 256;
const URL_CHARS_MAX = 2_000;
const CERTIFICATE_CHARS_MAX = 512_000;
/** What libpq calls the same things. */
const SSL_MODES: Readonly<Record<string, Ssl>> = {
  disable: 'disable',
  allow: 'require',
  prefer: 'require',
  require: 'require',
  'verify-ca': 'verify',
  'verify-full': 'verify',
};

const text = (label: string, description: string, isSecret = false) =>
  z.string().min(1).max(TEXT_CHARS_MAX).optional().meta({ label, description, isSecret });

export const postgresSettings = defineSettings(
  z.strictObject({
    url: z
      .string()
      .min(1)
      .max(URL_CHARS_MAX)
      .optional()
      .meta({
        label: 'Connection URL',
        description:
          'Instead of host, port, database, user and password: ' +
          '`postgres://user:password@host:5432/database`.',
        isSecret: true,
      }),
    host: text('Host', 'Name or address of the server.'),
    port: z.number().int().min(1).max(65_535).default(PORT).meta({
      label: 'Port',
      description: 'TCP port of the server.',
      allowed: '1 to 65535',
    }),
    database: text('Database', 'The database that gets a schema for each source.'),
    user: text('User', 'Needs the right to create schemas in the database.'),
    password: text('Password', 'Password of the user.', true),
    ssl: z
      .enum(['disable', 'require', 'verify'])
      .default('verify')
      .meta({
        label: 'TLS',
        description:
          '`verify` checks the certificate and its name; `require` encrypts without checking; ' +
          '`disable` sends everything in the clear.',
        allowed: 'disable, require, verify',
      }),
    sslCertificateAuthority: z.string().min(1).max(CERTIFICATE_CHARS_MAX).optional().meta({
      label: 'Certificate authority',
      description: 'PEM of the authority that `verify` trusts instead of the public ones.',
    }),
    schemaPrefix: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,30}$/)
      .optional()
      .meta({
        label: 'Schema prefix',
        description: 'Stands before the name of every schema, such as `events_`.',
        allowed: 'a small letter, then up to 30 small letters, digits and _',
      }),
    columnsMax: z
      .number()
      .int()
      .min(COLUMNS_MIN)
      .max(COLUMNS_MAX)
      .default(COLUMNS_DEFAULT)
      .meta({
        label: 'Columns of a table',
        description: 'Values beyond them go to `_rescued`.',
        allowed: `${COLUMNS_MIN} to ${COLUMNS_MAX}`,
      }),
  }),
);

/** @throws MillraceError DESTINATION_INVALID naming the field, or ADDRESS_REFUSED. */
export function parsePostgresSettings(settings: unknown, net: Net): PostgresSettings {
  const { url, schemaPrefix = '', ...parts } = postgresSettings.parse(settings);
  const login = url === undefined ? loginOf(parts) : loginOfUrl(url, parts);
  net.checkHost(login.host, login.port);
  const { sslCertificateAuthority, columnsMax } = parts;
  return { ...login, sslCertificateAuthority, schemaPrefix, columnsMax };
}

type Login = Pick<PostgresSettings, 'host' | 'port' | 'database' | 'user' | 'password' | 'ssl'>;
type Parts = ReturnType<typeof postgresSettings.parse>;

function loginOf({ host, port, database, user, password = '', ssl }: Parts): Login {
  const needed = { host, database, user };
  for (const [field, value] of Object.entries(needed)) {
    if (value === undefined) throw invalid(field, 'is required unless url is given');
  }
  return { host: host ?? '', port, database: database ?? '', user: user ?? '', password, ssl };
}

function loginOfUrl(url: string, parts: Parts): Login {
  for (const field of ['host', 'database', 'user', 'password'] as const) {
    if (parts[field] !== undefined) throw invalid(field, 'cannot be given beside url');
  }
  const parsed = URL.parse(url);
  const isPostgres = parsed?.protocol === 'postgres:' || parsed?.protocol === 'postgresql:';
  if (!parsed || !isPostgres) throw invalid('url', 'is not postgres://user:password@host/database');
  const mode = parsed.searchParams.get('sslmode');
  const ssl = mode === null ? parts.ssl : SSL_MODES[mode];
  if (ssl === undefined) {
    throw invalid('url', `has an unknown sslmode (allowed: ${Object.keys(SSL_MODES).join(', ')})`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const database = decoded(parsed.pathname.slice(1));
  const user = decoded(parsed.username);
  if (host === '' || database === '' || user === '') {
    throw invalid('url', 'needs a host, a user and a database');
  }
  const port = parsed.port === '' ? PORT : Number(parsed.port);
  return { host, port, database, user, password: decoded(parsed.password), ssl };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('url', 'has a % that begins no escape');
  }
}

function invalid(field: string, problem: string): MillraceError {
  return new MillraceError('DESTINATION_INVALID', `${field}: ${problem}`, { field });
}
