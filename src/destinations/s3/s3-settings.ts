/** Settings of a bucket: of Amazon S3, or of any service that speaks its protocol. */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import { checkUrlSetting } from '../http-settings.ts';
import { defineSettings } from '../destination-settings.ts';

const URL_CHARS_MAX = 2_048;
/** S3 allows 1024 bytes for a whole key. */
const PREFIX_CHARS_MAX = 512;
const KEY_CHARS_MAX = 256;
const SECRET_CHARS_MAX = 1_024;
const TOKEN_CHARS_MAX = 16_384;
/** One line: they become headers, or parts of one. */
const PRINTABLE = /^[\x21-\x7e]+$/;

const s3Settings = defineSettings(
  z.strictObject({
    bucket: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i)
      .meta({
        label: 'Bucket',
        description: 'Bucket that gets the objects; it must exist.',
        allowed: 'letters, digits, dots, _ and -, 3 to 63 characters',
      }),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/)
      .meta({
        label: 'Region',
        description: 'Region of the bucket. Services that know none take any.',
        allowed: 'a-z, 0-9 and -, such as eu-central-1',
      })
      .default('us-east-1'),
    endpoint: z.string().min(1).max(URL_CHARS_MAX).nullable().default(null).meta({
      label: 'Endpoint',
      description: 'Base URL of an S3-compatible service; null: Amazon S3.',
      allowed: 'http:// or https:// URL without query, or null',
    }),
    prefix: z.string().max(PREFIX_CHARS_MAX).refine(isPrefix).default('').meta({
      label: 'Prefix',
      description: 'Stands before the key of every object, with a slash between.',
      allowed: 'segments with slashes between, none of them empty, . or ..',
    }),
    accessKeyId: z.string().regex(PRINTABLE).max(KEY_CHARS_MAX).meta({
      label: 'Access key id',
      description: 'May put objects, and delete that of the test.',
      allowed: 'printable ASCII without spaces',
    }),
    secretAccessKey: z.string().regex(PRINTABLE).max(SECRET_CHARS_MAX).meta({
      label: 'Secret access key',
      description: 'Signs the requests.',
      allowed: 'printable ASCII without spaces',
      isSecret: true,
    }),
    sessionToken: z.string().regex(PRINTABLE).max(TOKEN_CHARS_MAX).nullable().default(null).meta({
      label: 'Session token',
      description: 'Of temporary credentials; it is not renewed by itself.',
      allowed: 'printable ASCII without spaces, or null',
      isSecret: true,
    }),
    forcePathStyle: z
      .boolean()
      .nullable()
      .default(null)
      .meta({
        label: 'Path style',
        description:
          'Name the bucket in the path and not in the host; null: only with an endpoint, or when ' +
          'the name of the bucket has dots.',
      }),
    format: z
      .enum(['parquet', 'segment-logs', 'both'])
      .meta({
        label: 'Format',
        description: '`parquet`: the columns of the lake; `segment-logs`: gzipped JSON lines.',
      })
      .default('parquet'),
  }),
);

export const S3_FIELDS = s3Settings.fields;

/** What `parseSettings` returns. */
export interface S3Settings {
  /** URL of the bucket, without a slash at its end. */
  bucketUrl: string;
  region: string;
  /** Ends with a slash, or is empty. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | null;
  format: 'parquet' | 'segment-logs' | 'both';
}

/** @throws MillraceError DESTINATION_INVALID naming the field. */
export function parseS3Settings(given: unknown, net: Net): S3Settings {
  const { bucket, endpoint, forcePathStyle, prefix, region, ...settings } = s3Settings.parse(given);
  if (endpoint !== null) checkEndpoint(endpoint);
  // A certificate for *.s3.… does not cover names with more dots.
  const isPathStyle = forcePathStyle ?? (endpoint !== null || bucket.includes('.'));
  const base = new URL(endpoint ?? amazonUrl(region));
  const path = base.pathname.replace(/\/+$/, '');
  const bucketUrl = isPathStyle
    ? `${base.origin}${path}/${bucket}`
    : `${base.protocol}//${bucket}.${base.host}${path}`;
  checkUrlSetting(net, 'endpoint', bucketUrl);
  return { ...settings, bucketUrl, region, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** China has an internet of its own. */
function amazonUrl(region: string): string {
  return `https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function checkEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && !/[?#@]/.test(endpoint);
  if (isPlain) return;
  const problem = 'endpoint: is no http:// or https:// URL without user, query and fragment';
  throw new MillraceError('DESTINATION_INVALID', problem, { field: 'endpoint' });
}

/** The URL parser would resolve dots, and a signature would be over something else. */
function isPrefix(prefix: string): boolean {
  if (prefix === '') return true;
  if (/[\p{Cc}\\]/u.test(prefix) || !prefix.isWellFormed()) return false;
  return prefix.split('/').every((part) => !['', '.', '..'].includes(part));
}
