/** (a), (b), (f): to HTTP services, beside a bare loop that posts the same bodies. */
import { startBaseline } from '../support/processes.ts';
import { median } from '../support/load.ts';
import { postAll, startRecorder } from './http-loop.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import type { DeliverPart } from './part.ts';
import { drain, fillScene } from './scene.ts';

/** As the webhook has it by default, and the action. */
const WEBHOOK_CONCURRENCY = 10;
const ACTION_CONCURRENCY = 4;
/** The rest of a backlog does not wait for company. */
const DELIVERY = { batchAgeMs: 100 };

interface HttpCase {
  figure: string;
  events: number;
  concurrency: number;
  destination(url: string): { type: string; settings: unknown };
}

/** (a) One event a request. */
export const webhookSingles: DeliverPart = (scale) =>
  compare(scale.pairs, {
    figure: 'webhook, one event a request, to a bare loop',
    events: scale.singles,
    concurrency: WEBHOOK_CONCURRENCY,
    destination: (url) => ({ type: 'webhook', settings: { url } }),
  });

/** (b) A thousand events a request. */
export const webhookBatches: DeliverPart = (scale) =>
  compare(scale.pairs, {
    figure: 'webhook, 1,000 events a request, to a bare loop',
    events: scale.bulk,
    concurrency: WEBHOOK_CONCURRENCY,
    destination: (url) => ({ type: 'webhook', settings: { url, batch: true } }),
  });

/** (f) Segment's own code, in its thread, one event a request. */
export const segmentAction: DeliverPart = (scale) =>
  compare(scale.pairs, {
    figure: 'a Segment action (actions-webhook), to a bare loop',
    events: scale.singles,
    concurrency: ACTION_CONCURRENCY,
    destination: (url) => ({
      type: 'actions-webhook',
      settings: {
        subscriptions: [
          {
            partnerAction: 'send',
            subscribe: 'type = "track"',
            mapping: { url, data: { '@path': '$.' }, enable_batching: false },
          },
        ],
      },
    }),
  });

async function compare(pairs: number, given: HttpCase): Promise<Figure[]> {
  const scene = await fillScene(given.events);
  const recorder = await startRecorder();
  const sink = await startBaseline('read');
  const url = `http://127.0.0.1:${sink.port}/in`;
  const ratios: number[] = [];
  const rates: number[] = [];
  try {
    await drain(scene, { ...given.destination(recorder.url), delivery: DELIVERY });
    for (let pair = 0; pair < pairs; pair++) {
      const bare = await postAll(url, recorder.bodies, given.concurrency);
      const seconds = await drain(scene, { ...given.destination(url), delivery: DELIVERY });
      ratios.push(bare / seconds);
      rates.push(given.events / seconds);
    }
  } finally {
    sink.stop();
    recorder.close();
    await scene.server.stop();
  }
  return [
    { figure: given.figure, value: shown(median(ratios)) },
    { figure: '  events per second', value: String(Math.round(median(rates))) },
  ];
}
