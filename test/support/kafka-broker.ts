/**
 * A broker of Apache Kafka: one process in KRaft mode with a small heap, in a folder of its own,
 * that can be killed and started again on the same ports and data.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admin, ConfigResourceTypes, Consumer, stringDeserializers } from '@platformatic/kafka';
import { runCommand } from '../../scripts/run-command.ts';
import { ROOT } from './test-server.ts';
import { until } from './until.ts';

export const KAFKA_USER = 'alice';
export const KAFKA_PASSWORD = 'alice-s3cret';
/** Name in the certificate of the listener with TLS; no resolver knows it. */
export const KAFKA_TLS_NAME = 'first.millrace.test';
export const KAFKA_TLS_CERTIFICATE = join(ROOT, 'test/fixtures/tls/first-cert.pem');
const KAFKA_TLS_KEY = join(ROOT, 'test/fixtures/tls/first-key.pem');

const START_MS_MAX = 90_000;
const FORMAT_MS_MAX = 60_000;
const READ_MS_MAX = 30_000;
const CLUSTER_ID = 'bWlsbHJhY2UtdGVzdC0wMQ';
const JAVA_OPTIONS = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];

export interface KafkaRecord {
  partition: number;
  offset: bigint;
  key: string | undefined;
  value: string;
  headers: Record<string, string>;
}

export interface KafkaBroker {
  /** Of the listener that names itself as it is reached. */
  plainPort: number;
  /** Tells clients to come back to `localhost`. */
  elsewherePort: number;
  /** TLS and a login. */
  securePort: number;
  createTopic(name: string, partitions: number): Promise<void>;
  /** Sets these settings of a topic, and takes all others back. They hold a moment later. */
  configureTopic(name: string, settings: Record<string, string>): Promise<void>;
  /** Everything in a topic, in the order of each partition. */
  records(topic: string): Promise<KafkaRecord[]>;
  kill(): Promise<void>;
  /** Once more, after `kill`. */
  start(): Promise<void>;
  /** Stops it in its tracks: connections stay open, and nobody answers. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** Formats the storage, and starts. */
export async function startKafkaBroker(options: {
  java: string;
  classpath: string;
}): Promise<KafkaBroker> {
  const { java, classpath } = options;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const [plainPort = 0, elsewherePort = 0, securePort = 0, controllerPort = 0] = await freePorts(4);
  const ports = { plainPort, elsewherePort, securePort, controllerPort };
  const properties = join(folder, 'server.properties');
  await writeFile(properties, await propertiesOf(folder, ports));
  const run = [...JAVA_OPTIONS, '-cp', classpath];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => {
    return ['--add-scram', `${mechanism}=[name=${KAFKA_USER},password=${KAFKA_PASSWORD}]`];
  });
  const format = ['format', '-t', CLUSTER_ID, '-c', properties, ...scram];
  const formatted = await runCommand(java, [...run, 'kafka.tools.StorageTool', ...format], {
    msMax: FORMAT_MS_MAX,
  });
  if (!formatted.isDone) throw new Error(`Kafka cannot format: ${formatted.output}`);

  let child: ChildProcess | undefined;
  let output = '';
  const start = async (): Promise<void> => {
    const started = spawn(java, [...run, 'kafka.Kafka', properties], { cwd: folder });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = (output + String(chunk)).slice(-4_000)));
    }
    const isUp = async (): Promise<boolean> => {
      if (started.exitCode !== null) throw new Error(`Kafka ended: ${output}`);
      return (await isListening(plainPort)) && (await isServing(plainPort));
    };
    await until('Kafka serves', isUp, START_MS_MAX);
  };
  const kill = async (): Promise<void> => {
    const killed = child;
    child = undefined;
    if (!killed || killed.exitCode !== null) return;
    const ended = new Promise((resolve) => killed.once('exit', resolve));
    killed.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    plainPort,
    elsewherePort,
    securePort,
    createTopic: (name, partitions) =>
      withAdmin(plainPort, async (admin) => {
        await admin.createTopics({ topics: [name], partitions, replicas: 1 });
        await until(`topic ${name} has leaders`, () => hasLeaders(admin, name));
      }),
    configureTopic: (resourceName, settings) =>
      withAdmin(plainPort, async (admin) => {
        const configs = Object.entries(settings).map(([name, value]) => ({ name, value }));
        const resourceType = ConfigResourceTypes.TOPIC;
        await admin.alterConfigs({ resources: [{ resourceType, resourceName, configs }] });
      }),
    records: (topic) => recordsOf(plainPort, topic),
    kill,
    async start() {
      if (!child) await start();
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Ports {
  plainPort: number;
  elsewherePort: number;
  securePort: number;
  controllerPort: number;
}

async function propertiesOf(folder: string, ports: Ports): Promise<string> {
  const { plainPort, elsewherePort, securePort, controllerPort } = ports;
  const keystore = join(folder, 'keystore.pem');
  const pems = await Promise.all([KAFKA_TLS_KEY, KAFKA_TLS_CERTIFICATE].map((at) => readFile(at)));
  await writeFile(keystore, pems.join('\n'));
  const modules = 'org.apache.kafka.common.security';
  const listen = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const listeners = [
    listen('PLAIN', plainPort),
    listen('ELSEWHERE', elsewherePort),
    listen('SECURE', securePort),
    listen('CONTROLLER', controllerPort),
  ];
  const advertised = [
    listen('PLAIN', plainPort),
    `ELSEWHERE://localhost:${elsewherePort}`,
    `SECURE://${KAFKA_TLS_NAME}:${securePort}`,
  ];
  const protocols = 'PLAIN:PLAINTEXT,ELSEWHERE:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT';
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${listeners.join()}`,
    `advertised.listeners=${advertised.join()}`,
    `listener.security.protocol.map=${protocols}`,
    'inter.broker.listener.name=PLAIN',
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(folder, 'data')}`,
    'auto.create.topics.enable=false',
    // A broker that was killed is known as gone at once, and can come back.
    'broker.session.timeout.ms=1000',
    'broker.heartbeat.interval.ms=200',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `listener.name.secure.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required ` +
      `user_${KAFKA_USER}="${KAFKA_PASSWORD}";`,
    ...['scram-sha-256', 'scram-sha-512'].map(
      (name) =>
        `listener.name.secure.${name}.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    ),
    'listener.name.secure.ssl.keystore.type=PEM',
    `listener.name.secure.ssl.keystore.location=${keystore}`,
    '',
  ].join('\n');
}

async function withAdmin<T>(port: number, use: (admin: Admin) => Promise<T>): Promise<T> {
  const bootstrapBrokers = [{ host: '127.0.0.1', port }];
  const admin = new Admin({ clientId: 'test', bootstrapBrokers, retries: 0 });
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

/** A topic that was made a moment ago may be unknown yet. */
async function hasLeaders(admin: Admin, name: string): Promise<boolean> {
  try {
    const { topics } = await admin.metadata({ topics: [name], forceUpdate: true });
    return topics.get(name)?.partitions.every(({ leader }) => leader >= 0) === true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Unknown topic')) return false;
    throw error;
  }
}

async function isServing(port: number): Promise<boolean> {
  try {
    const { brokers } = await withAdmin(port, (admin) => admin.metadata({ topics: [] }));
    return brokers.size > 0;
  } catch {
    return false; // Not yet.
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}

async function recordsOf(port: number, topic: string): Promise<KafkaRecord[]> {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: `test-${topic}-${performance.now()}`,
    bootstrapBrokers: [{ host: '127.0.0.1', port }],
    deserializers: stringDeserializers,
    retries: 5,
    autocommit: false,
  });
  try {
    const ends = (await consumer.listOffsets({ topics: [topic] })).get(topic) ?? [];
    const expected = ends.reduce((sum, end) => sum + end, 0n);
    const records: KafkaRecord[] = [];
    if (expected === 0n) return records;
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 100 });
    stream.on('data', ({ partition, offset, key, value, headers }) => {
      const own = Object.fromEntries(headers as Map<string, string>);
      records.push({ partition, offset, key, value: value as string, headers: own });
    });
    await until(
      `all records of ${topic} are read`,
      () => BigInt(records.length) >= expected,
      READ_MS_MAX,
    );
    await stream.close();
    return records;
  } finally {
    await consumer.close(true);
  }
}

/** Open at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let at = 0; at < count; at++) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
