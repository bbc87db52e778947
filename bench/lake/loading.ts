/** (a): how fast a backlog of the log becomes Parquet, beside DuckDB that only reads the events. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from '../support/load.ts';
import { realisticEvent } from '../support/realistic-events.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import { fillLog } from './fill-log.ts';
import type { LakePart } from './part.ts';

const run = promisify(execFile);
const BATCHES_PER_SECOND = 500;

interface Loaded {
  events: number;
  seconds: number;
  cpuMicroseconds: number;
  parquetBytes: number;
  peakMegabytes: number;
}

export const loading: LakePart = async ({ pairs, loadEvents }) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const startMs = Date.now() - 3_600_000;
    const bodyBytes = await fillLog(
      join(folder, 'filled'),
      loadEvents,
      (batch) => startMs + Math.floor((batch * 1000) / BATCHES_PER_SECOND),
    );
    const lines = join(folder, 'events.jsonl');
    await writeLines(lines, loadEvents);
    const bare: number[] = [];
    const one: Loaded[] = [];
    const two: Loaded[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      bare.push((await timed('bare-load-process.ts', lines, 1)).seconds);
      one.push(await loadOnce(folder, 1));
      two.push(await loadOnce(folder, 2));
    }
    return report(bodyBytes / loadEvents, bare, one, two);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

function report(bodyBytes: number, bare: number[], one: Loaded[], two: Loaded[]): Figure[] {
  const of = (runs: Loaded[], value: (run: Loaded) => number): number => median(runs.map(value));
  const rate = ({ events, seconds }: Loaded): number => events / seconds;
  const ratios = one.map(({ seconds }, pair) => (bare[pair] ?? Number.NaN) / seconds);
  const whole = (value: number): string => String(Math.round(value));
  return [
    {
      figure: 'events per second to Parquet, one core',
      value: whole(of(one, rate)),
      aim: '≥ 110000',
    },
    { figure: '  to bare read_json into a table, one core', value: shown(median(ratios)) },
    { figure: 'events per second to Parquet, two cores', value: whole(of(two, rate)) },
    {
      figure: 'CPU of an event, Parquet included',
      value: shown(
        of(one, (loaded) => loaded.cpuMicroseconds),
        ' µs',
      ),
      aim: '≤ 10 µs',
    },
    { figure: 'bytes of an event as sent', value: whole(bodyBytes) },
    {
      figure: 'bytes of an event in Parquet',
      value: shown(of(one, (loaded) => loaded.parquetBytes)),
      aim: '≤ 100',
    },
    {
      figure: 'peak resident memory of the loading process',
      value: shown(
        of(two, (loaded) => loaded.peakMegabytes),
        ' MiB',
      ),
      aim: '≤ 500',
    },
  ];
}

/** A new lake over the same log. */
async function loadOnce(folder: string, cores: 1 | 2): Promise<Loaded> {
  const dataFolder = join(folder, 'data');
  await mkdir(join(dataFolder, 'us'), { recursive: true });
  await symlink(join(folder, 'filled/us/log'), join(dataFolder, 'us/log'));
  const loaded = await timed('load-process.ts', dataFolder, cores);
  await rm(dataFolder, { recursive: true, force: true });
  return loaded;
}

/** Runs a program of this folder on so many cores; only Linux can hold it to one. */
async function timed(program: string, argument: string, cores: 1 | 2): Promise<Loaded> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', file, argument];
  const [name = '', ...rest] = cores === 1 ? ['taskset', '-c', '0', ...command] : command;
  const { stdout } = await run(name, rest);
  return JSON.parse(stdout) as Loaded;
}

async function writeLines(file: string, events: number): Promise<void> {
  const stream = createWriteStream(file);
  for (let n = 0; n < events; n++) {
    const line = `${JSON.stringify(realisticEvent(Date.now()))}\n`;
    if (!stream.write(line)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');
}
