/** (f): from the start of the process to the first accepted event, with a large log behind it. */
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import { inTurn } from '../support/fresh-requests.ts';
import { httpRequest, load } from '../support/load.ts';
import { trackEvent } from '../support/events.ts';
import { shown } from '../support/run-parts.ts';
import { USERS_CONFIG } from './part.ts';
import type { BenchPart } from './part.ts';

const GIB = 2 ** 30;
const PROPERTY_BYTES = 30_000;

export const restart: BenchPart = async (scale) => {
  const server = await startTestServer({ config: USERS_CONFIG });
  const auth = basicAuth(WRITE_KEY);
  // Large events, so that the log's size and not the number of events is what is measured.
  const requests = Array.from({ length: 200 }, (_, n) => {
    const event = { ...trackEvent(n), messageId: undefined, text: 'x'.repeat(PROPERTY_BYTES) };
    return httpRequest('/v1/track', JSON.stringify(event), auth);
  });
  const port = Number(new URL(server.url).port);
  let sent = 0;
  while (sent < scale.logBytes) {
    const host = '127.0.0.1';
    const result = await load({ host, port, connections: 16, seconds: 2, next: inTurn(requests) });
    sent += result.requests * PROPERTY_BYTES;
  }
  const caughtUp = async (): Promise<void> => {
    await server.post('/v1/track', { userId: 'u', event: 'Last' });
    await server.sqlUntil(`select 1 from events where event = 'Last'`, (rows) => rows.length > 0);
  };
  for (let attempt = 0; ; attempt++) {
    const isDone = await caughtUp().then(
      () => true,
      () => false,
    );
    if (isDone) break;
    if (attempt > 60) throw new Error('the lake did not catch up');
  }
  await server.kill();
  const afterKill = await timedStart(server.folder);
  await afterKill.server.terminate();
  const afterStop = await timedStart(server.folder);
  await afterStop.server.stop();
  const size = `${(sent / GIB).toFixed(1)} GB log`;
  return [
    {
      figure: `start to first 200, ${size}, after kill -9`,
      value: shown(afterKill.seconds, ' s'),
      aim: '≤ 5 s',
    },
    {
      figure: `start to first 200, ${size}, after a clean stop`,
      value: shown(afterStop.seconds, ' s'),
      aim: '≤ 5 s',
    },
  ];
};

async function timedStart(folder: string) {
  const startMs = performance.now();
  const server = await startTestServer({ folder });
  const response = await server.post('/v1/track', { userId: 'u', event: 'Restarted' });
  if (response.status !== 200) throw new Error(`answered ${response.status}`);
  return { server, seconds: (performance.now() - startMs) / 1000 };
}
