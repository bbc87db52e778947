/** (h): a backlog is delivered while events come in: rate, memory, and what ingest feels of it. */
import { basicAuth, WRITE_KEY } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { freshBatches } from '../support/fresh-requests.ts';
import { load, median, percentile } from '../support/load.ts';
import { residentBytes, startBaseline } from '../support/processes.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import type { DeliverPart } from './part.ts';
import { admin, fillScene, untilDelivered } from './scene.ts';

/** Live traffic: so many requests a second, of so many events. */
const PER_SECOND = 200;
const BATCH = 5;
const SLICE_SECONDS = 5;
const MIB = 2 ** 20;

export const backlog: DeliverPart = async (scale) => {
  const { server, events } = await fillScene(scale.backlog);
  const sink = await startBaseline('read');
  const live = liveTraffic(server);
  const memory: number[] = [];
  const during: number[] = [];
  try {
    const before: number[] = [];
    for (let slice = 0; slice < 3; slice++) before.push(...(await live()));
    const restBytes = residentBytes(server.process);
    const settings = { url: `http://127.0.0.1:${sink.port}/in`, batch: true };
    const startMs = performance.now();
    await admin(server, 'POST', '/destinations', {
      name: 'late',
      slug: 'late',
      type: 'webhook',
      start: 'beginning',
      settings,
    });
    const timer = setInterval(() => memory.push(residentBytes(server.process)), 250);
    let isOver = false;
    const traffic = (async () => {
      while (!isOver) during.push(...(await live()));
    })();
    await untilDelivered(server, 'late', events);
    const seconds = (performance.now() - startMs) / 1000;
    isOver = true;
    clearInterval(timer);
    await traffic;
    return report({ before, during, memory, restBytes, rate: events / seconds });
  } finally {
    await server.stop();
    sink.stop();
  }
};

/** Sends for some seconds at a fixed rate; returns the latencies. New events each time. */
function liveTraffic(server: TestServer): () => Promise<number[]> {
  const next = freshBatches(BATCH, basicAuth(WRITE_KEY));
  return async () => {
    const port = Number(new URL(server.url).port);
    const options = { connections: 8, seconds: SLICE_SECONDS, perSecond: PER_SECOND };
    const result = await load({ host: '127.0.0.1', port, next, ...options });
    if (result.failures > 0) throw new Error(`${result.failures} requests were not answered 200`);
    return result.latenciesMs;
  };
}

interface Measured {
  before: number[];
  during: number[];
  memory: number[];
  restBytes: number;
  rate: number;
}

function report({ before, during, memory, restBytes, rate }: Measured): Figure[] {
  const sorted = (values: number[]): number[] => values.toSorted((a, b) => a - b);
  const p99 = (values: number[]): number => percentile(sorted(values), 0.99);
  const quarter = Math.max(1, Math.floor(memory.length / 4));
  const second = median(memory.slice(quarter, 2 * quarter));
  const last = median(memory.slice(-quarter));
  return [
    { figure: 'backlog, delivered events per second', value: String(Math.round(rate)) },
    { figure: 'backlog, memory to that before it', value: shown(median(memory) / restBytes) },
    { figure: 'backlog, resident memory, median', value: shown(median(memory) / MIB, ' MiB') },
    { figure: 'backlog, memory, last to second quarter', value: shown(last / second), aim: '≈ 1' },
    {
      figure: 'ingest p99 during the backlog, to before',
      value: shown(p99(during) / p99(before)),
      aim: '≤ 2',
    },
  ];
}
