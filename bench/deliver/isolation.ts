/** (g): does a sick destination slow nine healthy ones? */
import { startFakeService } from '../../test/support/fake-service.ts';
import { startBaseline } from '../support/processes.ts';
import { median } from '../support/load.ts';
import { shown } from '../support/run-parts.ts';
import type { DeliverPart } from './part.ts';
import { admin, send, startScene, untilDelivered } from './scene.ts';

const HEALTHY = 9;
const FAULTS = ['hang', 'reset', { status: 500 }] as const;

export const isolation: DeliverPart = async (scale) => {
  const sink = await startBaseline('read');
  const sick = await startFakeService();
  const server = await startScene();
  const events = Math.ceil(scale.singles / 5);
  const slugs = Array.from({ length: HEALTHY + 1 }, (_, n) => `d${n}`);
  let sent = 0;
  /** Seconds until the healthy ones have delivered another wave. */
  const wave = async (): Promise<number> => {
    const startMs = performance.now();
    await send(server, events);
    sent += events;
    for (const slug of slugs.slice(0, HEALTHY)) await untilDelivered(server, slug, sent);
    return (performance.now() - startMs) / 1000;
  };
  const ratios = FAULTS.map((): number[] => []);
  try {
    for (const [n, slug] of slugs.entries()) {
      const base = n === HEALTHY ? sick.url : `http://127.0.0.1:${sink.port}`;
      const settings = { url: `${base}/${slug}` };
      await admin(server, 'POST', '/destinations', { name: slug, slug, type: 'webhook', settings });
    }
    await wave();
    for (let pair = 0; pair < scale.pairs; pair++) {
      sick.always(null);
      const usual = await wave();
      for (const [at, fault] of FAULTS.entries()) {
        sick.always(fault);
        ratios[at]?.push((await wave()) / usual);
      }
    }
  } finally {
    await server.stop();
    await sick.close();
    sink.stop();
  }
  const names = ['hangs', 'resets connections', 'answers 500'];
  return ratios.map((values, at) => ({
    figure: `time of nine while the tenth ${names[at]}, to usual`,
    value: shown(median(values)),
    aim: '≈ 1',
  }));
};
