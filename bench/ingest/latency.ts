/** (c): latency at half of what the machine can do, measured from when a request was due. */
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { freshSingles } from '../support/fresh-requests.ts';
import { load, median, percentile } from '../support/load.ts';
import { startBaseline } from '../support/processes.ts';
import { shown } from '../support/run-parts.ts';
import { USERS_CONFIG } from './part.ts';
import type { BenchPart } from './part.ts';

const CONNECTIONS = 64;

export const latency: BenchPart = async (scale) => {
  const next = freshSingles(basicAuth(WRITE_KEY));
  const server = await startTestServer({ config: USERS_CONFIG });
  const baseline = await startBaseline('sync');
  const port = Number(new URL(server.url).port);
  const options = { host: '127.0.0.1', connections: CONNECTIONS, next };
  try {
    const most = await load({ ...options, port, seconds: scale.seconds });
    const perSecond = most.requests / most.seconds / 2;
    const shares = [0.5, 0.99, 0.999];
    const ours: number[][] = [];
    const bare: number[][] = [];
    for (let pair = 0; pair < scale.pairs; pair++) {
      for (const [target, list] of [
        [baseline.port, bare],
        [port, ours],
      ] as const) {
        const { seconds } = scale;
        const result = await load({ ...options, port: target, seconds, perSecond });
        list.push(shares.map((share) => percentile(result.latenciesMs, share)));
      }
    }
    return shares.flatMap((share, at) => {
      const mine = median(ours.map((run) => run[at] ?? Number.NaN));
      const theirs = median(bare.map((run) => run[at] ?? Number.NaN));
      const name = `p${share * 100}`;
      return [
        { figure: `${name} latency at half of the maximum rate`, value: shown(mine, ' ms') },
        { figure: `  to a bare server at the same rate`, value: shown(mine / theirs) },
      ];
    });
  } finally {
    baseline.stop();
    await server.kill();
    await server.stop();
  }
};
