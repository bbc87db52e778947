/** (e): to object storage, beside signed PUTs of as many bytes in as many objects. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AwsClient } from 'aws4fetch';
import { S3_BUCKET, S3_KEY_ID, S3_SECRET } from '../../test/support/s3-server.ts';
import { median } from '../support/load.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import type { DeliverPart } from './part.ts';
import { drain, fillScene } from './scene.ts';

const PROGRAM = fileURLToPath(new URL('./s3-process.ts', import.meta.url));
const FORMATS = { parquet: 'Parquet', 'segment-logs': 'segment-logs' } as const;

export const objects: DeliverPart = async (scale) => {
  const scene = await fillScene(scale.bulk);
  const figures: Figure[] = [];
  try {
    for (const [format, name] of Object.entries(FORMATS)) {
      const ratios: number[] = [];
      const rates: number[] = [];
      for (let pair = 0; pair < scale.pairs; pair++) {
        const { bare, seconds } = await onePair(scene, format);
        ratios.push(bare / seconds);
        rates.push(scene.events / seconds);
      }
      figures.push({ figure: `S3, ${name}, to bare PUTs of the objects`, value: ratio(ratios) });
      figures.push({ figure: '  events per second', value: String(Math.round(median(rates))) });
    }
  } finally {
    await scene.server.stop();
  }
  return figures;
};

const ratio = (ratios: number[]): string => shown(median(ratios));

async function onePair(scene: Parameters<typeof drain>[0], format: string) {
  const child = fork(PROGRAM, [], { execArgv: ['--disable-warning=ExperimentalWarning'] });
  try {
    const [url] = (await once(child, 'message')) as [string];
    const settings = {
      endpoint: url,
      bucket: S3_BUCKET,
      accessKeyId: S3_KEY_ID,
      secretAccessKey: S3_SECRET,
      format,
    };
    const seconds = await drain(scene, { type: 's3', settings, delivery: { batchAgeMs: 100 } });
    child.send('objects');
    const [sizes] = (await once(child, 'message')) as [number[]];
    return { seconds, bare: await putAll(url, sizes) };
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

async function putAll(url: string, sizes: readonly number[]): Promise<number> {
  const client = new AwsClient({
    accessKeyId: S3_KEY_ID,
    secretAccessKey: S3_SECRET,
    service: 's3',
    region: 'us-east-1',
  });
  const startMs = performance.now();
  for (const [at, size] of sizes.entries()) {
    const body = Buffer.alloc(size, at);
    const hash = createHash('sha256').update(body).digest('hex');
    const headers = { 'x-amz-content-sha256': hash };
    const target = `${url}/${S3_BUCKET}/bare/${at}`;
    const answer = await client.fetch(target, { method: 'PUT', body, headers });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`answered ${answer.status}`);
  }
  return (performance.now() - startMs) / 1000;
}
