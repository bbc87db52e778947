/**
 * A producer whose every connection passes the address guard. Brokers are named by other brokers
 * (metadata), so it is not enough to check the ones of the settings: each time that the library
 * wants a connection, the name is resolved and judged first. Without TLS it then connects to the
 * address that was judged; with TLS, where the certificate proves the name, it looks the name up
 * through the guard once more.
 */
import { callbackify } from 'node:util';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Producer, SASLMechanisms, stringSerializers } from '@platformatic/kafka';
import type { Broker, Callback, Connection, ConnectionPool } from '@platformatic/kafka';
import type { Net } from '../../net/net.ts';
import type { KafkaSettings } from './kafka-settings.ts';

/** Values are bytes: what was sent goes on as it was sent. */
export type GuardedProducer = Producer<string, Buffer, string, string>;

const CONNECT_MS_MAX = 5_000;
/** How long brokers may take to agree (`request.timeout.ms` of other clients). */
const ACKNOWLEDGE_MS_MAX = 10_000;
const REQUEST_MS_MAX = 15_000;
/** Within an attempt, so that a new leader is found and a lost answer is asked for again. */
const RETRIES = 2;
const RETRY_DELAY_MS = 300;
const MECHANISMS = {
  plain: SASLMechanisms.PLAIN,
  'scram-sha-256': SASLMechanisms.SCRAM_SHA_256,
  'scram-sha-512': SASLMechanisms.SCRAM_SHA_512,
} as const;

/** Connects at first use. Idempotent: what the library repeats by itself is stored once. */
export function openProducer(settings: KafkaSettings, net: Net): GuardedProducer {
  const { brokers, clientId, compression, ssl, sslCertificateAuthority, sasl } = settings;
  const producer: GuardedProducer = new Producer({
    clientId,
    bootstrapBrokers: brokers.map(({ host, port }) => ({ host, port })),
    idempotent: true,
    acks: -1,
    compression,
    serializers: { ...stringSerializers, value: (value) => value },
    retries: RETRIES,
    retryDelay: RETRY_DELAY_MS,
    timeout: ACKNOWLEDGE_MS_MAX,
    connectTimeout: CONNECT_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    ...(sasl ? { sasl: { ...sasl, mechanism: MECHANISMS[sasl.mechanism] } } : {}),
    ...(ssl
      ? {
          tls: {
            lookup: guardedLookup(net),
            ...(sslCertificateAuthority === null ? {} : { ca: sslCertificateAuthority }),
          },
          // An address cannot be a server name (RFC 6066 §3).
          tlsServerName: brokers.every(({ host }) => isIP(host) === 0),
        }
      : {}),
  });
  guardConnections(producer.connections, net, ssl);
  return producer;
}

/** All ways of the library to a connection lead through `get` of its pool. */
function guardConnections(pool: ConnectionPool, net: Net, ssl: boolean): void {
  const get = pool.get.bind(pool) as (broker: Broker, callback: Callback<Connection>) => void;
  const resolve = callbackify(net.resolve);
  const guarded = (broker: Broker | undefined, callback: Callback<Connection>): void => {
    // One that the metadata does not know; the library says so.
    if (!broker) return get(broker as unknown as Broker, callback);
    resolve(broker.host, broker.port, (error, found) => {
      if (error) callback(error);
      else get(ssl ? broker : { ...broker, host: found.address }, callback);
    });
  };
  Object.assign(pool, { get: guarded });
}

/** The port was judged before, with the broker. */
function guardedLookup(net: Net): LookupFunction {
  const resolve = callbackify((name: string) => net.resolve(name, 1));
  return (name, options, callback) => {
    resolve(name, (error, found) => {
      if (error) callback(error, '');
      else if (options.all) callback(null, [found]);
      else callback(null, found.address, found.family);
    });
  };
}
