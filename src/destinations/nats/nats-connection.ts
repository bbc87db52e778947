/**
 * A connection to one server of NATS at an address that passed the guard. It does not connect
 * again by itself, and does not follow servers that the cluster tells of: the next delivery begins
 * with the settings, and with the guard.
 */
import { isIP } from 'node:net';
import {
  jetstream,
  jetstreamManager,
  JetStreamApiCodes,
  JetStreamApiError,
} from '@nats-io/jetstream';
import type { JetStreamClient } from '@nats-io/jetstream';
import { connect, credsAuthenticator, nanos } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { toError } from '../../base/errors.ts';
import type { Net } from '../../net/net.ts';
import type { HostPort } from '../host-port.ts';
import { wildcardOf } from './nats-settings.ts';
import type { NatsSettings } from './nats-settings.ts';

const CONNECT_MS_MAX = 5_000;
/** So that a server that is silent is noticed; two missing answers end the connection. */
const PING_MS = 20_000;
const MINUTE_MS = 60_000;

export interface NatsLink {
  connection: NatsConnection;
  client: JetStreamClient;
}

/**
 * Tries the servers in turn, and makes sure of the stream.
 * @throws the error of the last server: MillraceError of the guard, or an error of the library.
 */
export async function openLink(settings: NatsSettings, net: Net): Promise<NatsLink> {
  let failure = new Error('no server');
  for (const server of settings.servers) {
    try {
      const connection = await connectTo(server, settings, net);
      try {
        if (settings.createStream) await ensureStream(connection, settings);
        return { connection, client: jetstream(connection) };
      } catch (error) {
        await connection.close();
        throw error;
      }
    } catch (error) {
      failure = toError(error);
    }
  }
  throw failure;
}

async function connectTo(
  { host, port }: HostPort,
  settings: NatsSettings,
  net: Net,
): Promise<NatsConnection> {
  const { address, family } = await net.resolve(host, port);
  const options: NodeConnectionOptions = {
    servers: `${family === 6 ? `[${address}]` : address}:${port}`,
    name: 'millrace',
    reconnect: false,
    ignoreClusterUpdates: true,
    resolve: false,
    timeout: CONNECT_MS_MAX,
    pingInterval: PING_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...loginOf(settings),
    tls: settings.tls ? tlsOf(host, settings) : null,
  };
  return connect(options);
}

function loginOf({ token, user, password, credentials }: NatsSettings): NodeConnectionOptions {
  if (token !== null) return { token };
  if (user !== null && password !== null) return { user, pass: password };
  if (credentials === null) return {};
  return { authenticator: credsAuthenticator(Buffer.from(credentials)) };
}

/** The certificate proves the name of the settings, not the address that we connect to. */
function tlsOf(host: string, { tlsCertificateAuthority }: NatsSettings) {
  return {
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(tlsCertificateAuthority === null ? {} : { ca: tlsCertificateAuthority }),
  };
}

async function ensureStream(connection: NatsConnection, settings: NatsSettings): Promise<void> {
  const { stream, subject, streamReplicas, duplicateWindowMinutes } = settings;
  const { streams } = await jetstreamManager(connection);
  try {
    await streams.info(stream ?? '');
  } catch (error) {
    const isMissing =
      error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
    if (!isMissing) throw error;
    await streams.add({
      name: stream ?? '',
      subjects: [wildcardOf(subject)],
      num_replicas: streamReplicas,
      duplicate_window: nanos(duplicateWindowMinutes * MINUTE_MS),
    });
  }
}
