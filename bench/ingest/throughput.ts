/** (a) and (b): requests per second, durable, against a bare server in the same run. */
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { batchBody, trackEvent } from '../support/events.ts';
import { httpRequest, load, median } from '../support/load.ts';
import { startBaseline } from '../support/processes.ts';
import { shown } from './part.ts';
import type { BenchPart, BenchScale, Figure } from './part.ts';

const CONNECTIONS = 128;
const auth = basicAuth(WRITE_KEY);

/** The lake rests during the measurement: it is another thread, measured by (d) and (e). */
const RESTING_LAKE = { lake: { pollMs: 60_000 } };

/** (a) Single track events, one collector thread, against reading the body and answering. */
export const singles: BenchPart = async (scale) => {
  const requests = Array.from({ length: 2_000 }, (_, n) =>
    httpRequest('/v1/track', JSON.stringify(trackEvent(n)), auth),
  );
  const { ratio, perSecond } = await comparePairs(scale, 'read', requests);
  return [
    { figure: 'single events, durable, to a bare server', value: shown(ratio), aim: '≥ 0.8' },
    { figure: '  (events per second on this machine)', value: String(Math.round(perSecond)) },
  ];
};

/** (b) Batches of 100, about 40 KB, against reading and JSON.parse. */
export const batches: BenchPart = async (scale) => {
  const requests = Array.from({ length: 50 }, (_, n) =>
    httpRequest('/v1/batch', batchBody(n * 100, 100), auth),
  );
  const { ratio, perSecond } = await comparePairs(scale, 'parse', requests);
  const figures: Figure[] = [
    { figure: 'batches of 100, durable, to read + JSON.parse', value: shown(ratio), aim: '≥ 1.0' },
    { figure: '  (events per second on this machine)', value: String(Math.round(perSecond * 100)) },
  ];
  return figures;
};

async function comparePairs(
  scale: BenchScale,
  mode: 'read' | 'parse',
  requests: readonly Buffer[],
): Promise<{ ratio: number; perSecond: number }> {
  const baseline = await startBaseline(mode);
  const server = await startTestServer({ config: RESTING_LAKE });
  const port = Number(new URL(server.url).port);
  const run = async (target: number, seconds: number): Promise<number> => {
    const options = {
      host: '127.0.0.1',
      port: target,
      connections: CONNECTIONS,
      seconds,
      requests,
    };
    const result = await load(options);
    if (result.failures > 0) throw new Error(`${result.failures} answers were not 200`);
    return result.requests / result.seconds;
  };
  try {
    await run(baseline.port, 1);
    await run(port, 1);
    const ratios: number[] = [];
    const rates: number[] = [];
    for (let pair = 0; pair < scale.pairs; pair++) {
      const bare = await run(baseline.port, scale.seconds);
      const ours = await run(port, scale.seconds);
      ratios.push(ours / bare);
      rates.push(ours);
    }
    return { ratio: median(ratios), perSecond: median(rates) };
  } finally {
    baseline.stop();
    await server.kill();
    await server.stop();
  }
}
