/**
 * What ingestion feels of the admin listener: `npm run bench:admin [-- --quick]`. Ingestion at half
 * of what it can do, by itself and with 50 dashboards open and a flood of wrong passwords, in
 * alternating rounds; the figure is the median of the ratios of each pair.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { basicAuth, startTestServer, WRITE_KEY } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { freshSingles } from '../support/fresh-requests.ts';
import { load, median, percentile } from '../support/load.ts';

const CONNECTIONS = 128;
const VIEWERS = 50;
const GUESSES_PER_SECOND = 200;
const SHARES = [0.5, 0.99];
const SETTLE_MS = 3_000;

interface Crowd {
  name: string;
  viewers: number;
  guessesPerSecond: number;
  /** Of the configuration; null: the default, which cuts most guesses of one address. */
  guessesPerAddress: number | null;
  /** It watches a bare program instead of Millrace, for what it costs by itself. */
  isElsewhere?: boolean;
}

const CROWDS: readonly Crowd[] = [
  { name: '50 dashboards', viewers: VIEWERS, guessesPerSecond: 0, guessesPerAddress: null },
  {
    name: '50 readers of a bare program',
    viewers: VIEWERS,
    guessesPerSecond: 0,
    guessesPerAddress: null,
    isElsewhere: true,
  },
  {
    name: 'guesses of one address',
    viewers: 0,
    guessesPerSecond: GUESSES_PER_SECOND,
    guessesPerAddress: null,
  },
  {
    name: 'guesses of many addresses',
    viewers: 0,
    guessesPerSecond: GUESSES_PER_SECOND,
    guessesPerAddress: 1_000_000,
  },
  {
    name: 'dashboards and guesses',
    viewers: VIEWERS,
    guessesPerSecond: GUESSES_PER_SECOND,
    guessesPerAddress: null,
  },
];

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    /** Requests a second, instead of half of the most; for machines that are not quiet. */
    rate: { type: 'string' },
  },
});
const scale = values.quick ? { rounds: 3, seconds: 4 } : { rounds: 7, seconds: 10 };
const next = freshSingles(basicAuth(WRITE_KEY));

print('beside                       p50 alone  p99 alone  p50 ratio  p99 ratio  what it did');
for (const crowd of CROWDS) {
  if (values.only !== undefined && !crowd.name.includes(values.only)) continue;
  const signIns = crowd.guessesPerAddress && { perAddress: crowd.guessesPerAddress };
  const server = await startTestServer({
    config: {
      ...(signIns && { admin: { signIns } }),
      limits: { requestsPerSecond: 10_000_000 },
    },
  });
  try {
    print(await compare(server, crowd));
  } finally {
    await server.kill();
    await server.stop();
  }
}

async function compare(server: TestServer, crowd: Crowd): Promise<string> {
  const options = {
    host: '127.0.0.1',
    port: Number(new URL(server.url).port),
    connections: CONNECTIONS,
    next,
    seconds: scale.seconds,
  };
  const most = await load(options);
  const half = most.requests / most.seconds / 2;
  const perSecond = values.rate === undefined ? half : Number(values.rate);
  const measure = async (): Promise<number[]> => {
    const { latenciesMs, failures } = await load({ ...options, perSecond });
    if (failures > 0) throw new Error(`${failures} requests failed`);
    return SHARES.map((share) => percentile(latenciesMs, share));
  };
  await measure();
  const alone: number[][] = [];
  const ratios: number[][] = [];
  let did = '';
  for (let round = 0; round < scale.rounds; round++) {
    const quiet = await measure();
    const stop = await startCrowd(server, crowd);
    const busy = await measure();
    did = await stop();
    alone.push(quiet);
    ratios.push(busy.map((ms, at) => ms / (quiet[at] ?? Number.NaN)));
  }
  const column = (rows: number[][], at: number, unit: string): string =>
    `${median(rows.map((row) => row[at] ?? Number.NaN)).toFixed(2)}${unit}`.padStart(10);
  const cells = [column(alone, 0, ' ms'), column(alone, 1, ' ms')];
  const shares = [column(ratios, 0, ''), column(ratios, 1, '')];
  return [crowd.name.padEnd(28), ...cells, ...shares, `  ${did}`].join(' ');
}

/** @returns what ends it, and says what it did. */
async function startCrowd(server: TestServer, crowd: Crowd): Promise<() => Promise<string>> {
  const file = fileURLToPath(new URL('./viewers.ts', import.meta.url));
  const bare = crowd.isElsewhere === true ? await startBareStream() : null;
  const args = [
    bare?.url ?? server.adminUrl,
    server.token,
    crowd.viewers,
    crowd.guessesPerSecond,
  ].map(String);
  const flags = ['--disable-warning=ExperimentalWarning', file];
  const child = spawn(process.execPath, [...flags, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // People have machines of their own: here theirs gets what the others leave.
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  await once(child.stdout, 'data');
  // Its own start is not what is measured.
  await sleep(SETTLE_MS);
  return async () => {
    child.stdin.write('end\n');
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    await once(child, 'exit');
    bare?.stop();
    return said.toString().trim();
  };
}

async function startBareStream(): Promise<{ url: string; stop(): void }> {
  const file = fileURLToPath(new URL('./bare-stream.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${port.toString().trim()}`, stop: () => void child.kill() };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
