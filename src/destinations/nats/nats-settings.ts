/** Settings of a NATS server or cluster with JetStream. */
import { z } from 'zod';
import { MillraceError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import { checkedHostPorts } from '../host-port.ts';
import type { HostPort } from '../host-port.ts';
import { defineSettings } from '../destination-settings.ts';

const PORT = 4222;
const SERVERS_MAX = 100;
const SERVER_CHARS_MAX = 300;
const SUBJECT_CHARS_MAX = 200;
const TEXT_CHARS_MAX = 1_024;
const FILE_CHARS_MAX = 512_000;
const REPLICAS_MAX = 5;
const MINUTES_MAX = 7 * 24 * 60;
const PLACEHOLDER = /\{(source|type)\}/g;

const secret = (label: string, description: string, charsMax = TEXT_CHARS_MAX) =>
  z.string().min(1).max(charsMax).nullable().default(null).meta({
    label,
    description,
    isSecret: true,
  });

const natsSettings = defineSettings(
  z.strictObject({
    servers: z
      .array(z.string().min(1).max(SERVER_CHARS_MAX))
      .min(1)
      .max(SERVERS_MAX)
      .meta({
        label: 'Servers',
        description: 'Servers of the cluster, tried in turn. Others that they name are not used.',
        allowed: `list of 1 to ${SERVERS_MAX} host:port; without a port: ${PORT}`,
      }),
    subject: z
      .string()
      .max(SUBJECT_CHARS_MAX)
      .refine(isSubject)
      .default('events.{source}.{type}')
      .meta({
        label: 'Subject',
        description:
          'Subject, with {source} for the slug of the source and {type} for the type of the event.',
        allowed: 'tokens of letters, digits, _, -, {source} and {type}, with dots between',
      }),
    stream: z
      .string()
      .regex(/^[\w-]{1,100}$/)
      .nullable()
      .default(null)
      .meta({
        label: 'Stream',
        description: 'Stream that has to store the events; null: any that takes the subject.',
        allowed: 'letters, digits, _ and -, 1 to 100 characters, or null',
      }),
    createStream: z.boolean().default(false).meta({
      label: 'Create the stream',
      description: 'Create `stream` when it is missing; an existing one is not changed.',
    }),
    streamReplicas: z
      .int()
      .min(1)
      .max(REPLICAS_MAX)
      .default(1)
      .meta({
        label: 'Replicas',
        description: 'Of a stream that is created.',
        allowed: `integer, 1 to ${REPLICAS_MAX}`,
      }),
    duplicateWindowMinutes: z
      .int()
      .min(1)
      .max(MINUTES_MAX)
      .default(120)
      .meta({
        label: 'Duplicate window',
        description: 'How long a stream that is created knows what it has stored, in minutes.',
        allowed: `integer, 1 to ${MINUTES_MAX}`,
      }),
    token: secret('Token', 'For servers that ask for a token.'),
    user: z.string().min(1).max(TEXT_CHARS_MAX).nullable().default(null).meta({
      label: 'User',
      description: 'For servers that ask for user and password.',
    }),
    password: secret('Password', 'Of the user.'),
    credentials: secret('Credentials', 'Content of a .creds file.', FILE_CHARS_MAX),
    tls: z.boolean().default(false).meta({
      label: 'TLS',
      description: 'Encrypt, and check the certificate of the server.',
    }),
    tlsCertificateAuthority: z.string().min(1).max(FILE_CHARS_MAX).nullable().default(null).meta({
      label: 'Certificate authority',
      description: 'PEM of the authority that is trusted instead of the public ones.',
    }),
  }),
);

export const NATS_FIELDS = natsSettings.fields;

/** What `parseSettings` returns. */
export type NatsSettings = Omit<ReturnType<typeof natsSettings.parse>, 'servers'> & {
  servers: readonly HostPort[];
};

/** @throws MillraceError DESTINATION_INVALID naming the field. */
export function parseNatsSettings(given: unknown, net: Net): NatsSettings {
  const { servers, ...settings } = natsSettings.parse(given);
  const { token, user, password, credentials, createStream, stream } = settings;
  const logins = [token, user, credentials].filter((login) => login !== null);
  if (logins.length > 1) throw invalid('user', 'one of token, user and credentials is enough');
  if ((user === null) !== (password === null)) throw invalid('password', 'goes with user');
  if (createStream && stream === null) throw invalid('stream', 'is required with createStream');
  return { ...settings, servers: checkedHostPorts(servers, { field: 'servers', port: PORT, net }) };
}

function invalid(field: string, problem: string): MillraceError {
  return new MillraceError('DESTINATION_INVALID', `${field}: ${problem}`, { field });
}

function isSubject(template: string): boolean {
  return /^[\w-]+(\.[\w-]+)*$/.test(template.replaceAll(PLACEHOLDER, 'x'));
}

/** The subject of an event. What has a meaning in subjects becomes `_`. */
export function subjectOf(template: string, values: { source: string; type: string }): string {
  return template.replaceAll(PLACEHOLDER, (_, name: 'source' | 'type') => {
    return values[name].replaceAll(/[^\p{L}\p{N}_-]/gu, '_') || '_';
  });
}

/** A subject that all events have. */
export function wildcardOf(template: string): string {
  return template
    .split('.')
    .map((token) => (hasPlaceholder(token) ? '*' : token))
    .join('.');
}

/** False when there is one subject for all. */
export function hasPlaceholder(template: string): boolean {
  return template.search(PLACEHOLDER) >= 0;
}
