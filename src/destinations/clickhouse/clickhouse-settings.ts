/** Settings of a ClickHouse destination. */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import { defineSettings } from '../destination-settings.ts';

/** What `parseSettings` returns. */
export interface ClickHouseSettings {
  /** Of the server's HTTP interface, without login. */
  url: string;
  user: string;
  password: string;
  databasePrefix: string;
  columnsMax: number;
}

const URL_CHARS_MAX = 2_000;
const TEXT_CHARS_MAX = 256;
const COLUMNS_MIN = 50;
const COLUMNS_MAX = 10_000;
/** The limit of the lake's views, so that both show the same columns. */
const COLUMNS_DEFAULT = 1_000;

export const clickHouseSettings = defineSettings(
  z.strictObject({
    url: z.string().min(1).max(URL_CHARS_MAX).meta({
      label: 'URL',
      description: 'HTTP interface of the server, such as `https://clickhouse.internal:8443`.',
    }),
    user: z.string().min(1).max(TEXT_CHARS_MAX).default('default').meta({
      label: 'User',
      description: 'Needs the rights to create databases, tables and views, and to alter them.',
    }),
    password: z.string().max(TEXT_CHARS_MAX).default('').meta({
      label: 'Password',
      description: 'Password of the user.',
      isSecret: true,
    }),
    databasePrefix: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,30}$/)
      .optional()
      .meta({
        label: 'Database prefix',
        description: 'Stands before the name of every database, such as `events_`.',
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
export function parseClickHouseSettings(settings: unknown, net: Net): ClickHouseSettings {
  const { url, databasePrefix = '', ...login } = clickHouseSettings.parse(settings);
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw invalid('is not http:// or https://');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid('cannot hold a login; there are fields for it');
  }
  if (parsed.search !== '' || parsed.hash !== '') throw invalid('cannot have parameters');
  net.checkUrl(parsed.href);
  return { url: parsed.href, databasePrefix, ...login };
}

function invalid(problem: string): MillraceError {
  return new MillraceError('DESTINATION_INVALID', `url: ${problem}`, { field: 'url' });
}
