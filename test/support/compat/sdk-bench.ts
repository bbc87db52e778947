/** One SDK's program, a server, and the front between them that records and misbehaves. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFaultFront } from '../fault-front.ts';
import type { FaultFront } from '../fault-front.ts';
import { startTestServer } from '../test-server.ts';
import type { TestServer } from '../test-server.ts';
import type { Sdk, SdkProgram } from './sdk-contract.ts';
import { SPECIAL_PROPERTIES } from './special-values.ts';

/** For each behaviour, so that all share a server; that of `refused` takes small events only. */
const SOURCES = [
  'six',
  'values',
  'many',
  'overloaded',
  'limited',
  'failing',
  'lost',
  'mixed',
  'refused',
  'killed',
] as const;
const SMALL_BYTES_MAX = 2_500;
const RUN_MS_MAX = 240_000;

export type BenchSource = (typeof SOURCES)[number];
export type Scenario = 'six' | 'values' | 'many' | 'paced' | 'refused';

export interface Bench {
  sdk: Sdk;
  front: FaultFront;
  /** Another one after a kill. */
  server(): TestServer;
  keyOf(source: BenchSource): string;
  /** Runs the program to its end; answers what it printed. */
  drive(key: string, scenario: Scenario, count: number): Promise<DriveResult>;
  /** kill -9, and a start with the same data after `downMs`. Answers how long it was away. */
  killAndRestart(downMs: number): Promise<number>;
  stop(): Promise<void>;
}

export interface DriveResult {
  code: number | null;
  text: string;
}

export async function startBench(sdk: Sdk, program: SdkProgram): Promise<Bench> {
  const config = { sources: benchSources() };
  let server = await startTestServer({ config });
  const front = await startFaultFront(server.url, [], {
    stubs: sdk.stubs ?? {},
    isHttps: sdk.isHttpsOnly === true,
  });
  return {
    sdk,
    front,
    server: () => server,
    keyOf,
    drive: (key, scenario, count) => drive(sdk, program, [front.url, key, scenario, `${count}`]),
    async killAndRestart(downMs) {
      const fromMs = performance.now();
      await server.kill();
      front.away();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      server = await startTestServer({ config, folder: server.folder });
      await front.back(server.url);
      return performance.now() - fromMs;
    },
    async stop() {
      await front.close();
      await server.stop();
    },
  };
}

function keyOf(source: BenchSource): string {
  return `${source}Key0123456789`;
}

function benchSources(): unknown[] {
  return SOURCES.map((slug) => ({
    name: slug,
    slug,
    writeKeys: [keyOf(slug)],
    ...(slug === 'refused' ? { limits: { eventBytesMax: SMALL_BYTES_MAX } } : {}),
  }));
}

async function drive(
  sdk: Sdk,
  { command, args, env, folder }: SdkProgram,
  asked: readonly string[],
): Promise<DriveResult> {
  const child = spawn(command, [...args, ...asked], {
    cwd: folder,
    env: {
      ...process.env,
      ...env,
      MILLRACE_COMPAT_PROPERTIES: SPECIAL_PROPERTIES,
      NODE_TEST_CONTEXT: undefined,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.equal(signal, null, `${sdk.title} did not come to an end:\n${text.slice(-2000)}`);
  return { code, text };
}
