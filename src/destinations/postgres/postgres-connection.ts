/** Connections to PostgreSQL over sockets that passed the address guard. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from } from 'pg-copy-streams';
import type { Clock } from '../../base/clock.ts';
import type { Net } from '../../net/net.ts';
import type { PostgresSettings } from './postgres-settings.ts';

const APPLICATION_NAME = 'millrace';
/** For saying goodbye to a server that may be silent. */
const END_MS = 1_000;

export interface Connection {
  /** One statement with parameters, or several without, whose rows nobody gets. */
  query<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Sends what `copy … from stdin` takes, no faster than the server reads it. */
  copy(text: string, chunks: Iterable<Buffer>): Promise<void>;
  /** True once the server or the network ended it. */
  isBroken(): boolean;
  /** Cuts it without a word. */
  destroy(): void;
  end(): Promise<void>;
}

/**
 * Connects and logs in. Everything that is said on the connection is cut off when the signal
 * aborts, so that nothing waits for a server that is silent.
 * @throws what `Net.connect` throws, and errors of the driver.
 */
export async function openConnection(
  settings: PostgresSettings,
  { net, clock }: { net: Net; clock: Clock },
  signal: AbortSignal,
): Promise<Connection> {
  const { host, port, database, user, password } = settings;
  signal.throwIfAborted();
  const socket = await net.connect({ host, port });
  let isBroken = false;
  const destroy = () => {
    isBroken = true;
    socket.destroy();
  };
  signal.addEventListener('abort', destroy);
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    // A function, because the driver would look for an empty password in the environment.
    password: () => password,
    ssl: sslOf(settings),
    stream: () => readyMade(socket),
    application_name: APPLICATION_NAME,
    client_encoding: 'UTF8',
    keepAlive: true,
  });
  client.on('error', destroy);
  client.on('end', destroy);
  try {
    if (signal.aborted) destroy();
    await client.connect();
  } catch (error) {
    destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
  return {
    async query<Row extends Record<string, unknown>>(text: string, values?: unknown[]) {
      return (await client.query<Row>(text, values)).rows;
    },
    async copy(text, chunks) {
      await pipeline(Readable.from(chunks), client.query(from(text)));
    },
    isBroken: () => isBroken,
    destroy,
    async end() {
      if (isBroken) return;
      const late = new AbortController();
      const ended = client.end().catch(destroy);
      const timeout = clock.sleep(END_MS, late.signal).catch(() => undefined);
      await Promise.race([ended, timeout]);
      late.abort();
      destroy();
    },
  };
}

function sslOf({ ssl, sslCertificateAuthority: ca }: PostgresSettings): pg.ClientConfig['ssl'] {
  if (ssl === 'disable') return false;
  return ssl === 'require' ? { rejectUnauthorized: false } : { rejectUnauthorized: true, ca };
}

/** The driver asks its stream to connect; ours is connected already. */
function readyMade(socket: Socket): Socket {
  const connect = (): Socket => {
    process.nextTick(() => socket.emit('connect'));
    return socket;
  };
  return Object.assign(socket, { connect });
}
