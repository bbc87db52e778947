/** (d) and (e): from the 200 to SQL, and how fast the lake loads a backlog. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { batchBody } from '../support/events.ts';
import { httpRequest, load, median, percentile } from '../support/load.ts';
import { shown } from './part.ts';
import type { BenchPart } from './part.ts';

const auth = basicAuth(WRITE_KEY);
const EVENTS_PER_SECOND = 5_000;
const BATCH = 10;
const MARKER_MS = 150;
const POLL_MS = 5;

/** (d) Markers are sent among 5,000 events a second; each is polled for until SQL has it. */
export const visibility: BenchPart = async (scale) => {
  const server = await startTestServer();
  const requests = Array.from({ length: 20_000 }, (_, n) => n);
  const bodies = requests.map((n) => httpRequest('/v1/batch', batchBody(n * BATCH, BATCH), auth));
  const delays: number[] = [];
  let isOver = false;
  const seconds = scale.seconds * 4;
  const mark = async (): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      const messageId = `marker-${n}`;
      await server.post('/v1/track', { userId: 'm', event: 'Marker', messageId });
      const answeredMs = performance.now();
      const query = `select 1 from events where message_id = '${messageId}' and event = 'Marker'`;
      while ((await server.sql(query)).length === 0) await sleep(POLL_MS);
      delays.push(performance.now() - answeredMs);
      await sleep(MARKER_MS);
    }
  };
  try {
    const marking = mark();
    await load({
      host: '127.0.0.1',
      port: Number(new URL(server.url).port),
      connections: 16,
      seconds,
      perSecond: EVENTS_PER_SECOND / BATCH,
      requests: bodies,
    });
    isOver = true;
    await marking;
  } finally {
    await server.stop();
  }
  delays.sort((a, b) => a - b);
  return [
    { figure: '200 → SQL at 5,000 events/s, p50', value: shown(median(delays), ' ms') },
    {
      figure: '200 → SQL at 5,000 events/s, p99',
      value: shown(percentile(delays, 0.99), ' ms'),
      aim: '≤ 1 s',
    },
  ];
};

/** (e) A backlog is collected while the lake rests, then loaded after a restart. */
export const lakeLoad: BenchPart = async (scale) => {
  const first = await startTestServer({ config: { lake: { pollMs: 60_000 } } });
  const count = Math.ceil(scale.lakeEvents / 100);
  await sendAll(first, count);
  await first.kill();
  const logBytes = await folderBytes(join(first.dataDir, 'us/log'), '.log');
  const startMs = performance.now();
  const server = await startTestServer({ folder: first.folder });
  const events = count * 100;
  while (((await server.sql('select count(*)::int as n from events'))[0]?.['n'] ?? 0) !== events) {
    await sleep(50);
  }
  const seconds = (performance.now() - startMs) / 1000;
  await server.terminate();
  const lakeBytes = await folderBytes(join(first.dataDir, 'us/lake'), '.parquet');
  await server.stop();
  return [
    {
      figure: 'lake load rate, backlog, events per second',
      value: String(Math.round(events / seconds)),
    },
    { figure: 'bytes per event in the log', value: shown(logBytes / events) },
    { figure: 'bytes per event in the lake (Parquet)', value: shown(lakeBytes / events) },
  ];
};

async function sendAll(server: TestServer, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const response = await server.post('/v1/batch', batchBody(next++ * 100, 100));
      if (response.status !== 200) throw new Error(`answered ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

async function folderBytes(folder: string, suffix: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith(suffix)) total += (await stat(join(folder, name))).size;
  }
  return total;
}
