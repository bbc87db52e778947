/** A server with a log full of events, and destinations that start at its beginning. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestServer } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { realisticBatch } from '../support/realistic-events.ts';

const BATCH = 100;
const SENDERS = 8;
const POLL_MS = 20;
const SQL_POLL_MS = 250;
const STALLED_POLLS = 80;

export interface Scene {
  server: TestServer;
  /** In the log, all different: tracks, pages and identifies of a shop. */
  events: number;
}

/** What a destination says of itself. */
export interface DestinationReport {
  slug: string;
  status: { delivered: number; filtered: Record<string, number>; deadLetters: number };
}

/** Destinations of a benchmark are on this machine, where the guard lets nothing go by default. */
export function startScene(config: Record<string, unknown> = {}): Promise<TestServer> {
  return startTestServer({ config: { net: { allow: ['127.0.0.1'] }, ...config } });
}

/** Fills the log and waits until SQL has everything, so that nothing else runs later. */
export async function fillScene(events: number): Promise<Scene> {
  const server = await startScene();
  await send(server, events);
  await untilInSql(server, events);
  return { server, events };
}

async function untilInSql(server: TestServer, events: number): Promise<void> {
  let [before, asked] = [-1, 0];
  for (;;) {
    const [row] = await server.sql('select count(*)::int as n from events');
    const seen = Number(row?.['n']);
    if (seen === events) return;
    asked = seen === before ? asked + 1 : 0;
    if (asked >= STALLED_POLLS) throw new Error(`SQL has ${seen} of ${events} events`);
    before = seen;
    await sleep(SQL_POLL_MS);
  }
}

/** Sends events in batches, as fast as they are answered. */
export async function send(server: TestServer, events: number): Promise<void> {
  const count = Math.ceil(events / BATCH);
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < count) {
      next++;
      const response = await server.post('/v1/batch', realisticBatch(BATCH));
      if (response.status !== 200) throw new Error(`answered ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

let lastDestination = 0;

/**
 * Makes a destination that begins with the first event, and waits until all are delivered.
 * Returns the seconds from the request that made it.
 * @throws Error when an event became dead or was filtered.
 */
export async function drain(
  { server, events }: Scene,
  destination: { type: string; settings: unknown; delivery?: object },
): Promise<number> {
  const slug = `bench-${++lastDestination}`;
  const startMs = performance.now();
  await admin(server, 'POST', '/destinations', {
    ...destination,
    name: slug,
    slug,
    start: 'beginning',
  });
  await untilDelivered(server, slug, events);
  const seconds = (performance.now() - startMs) / 1000;
  await admin(server, 'DELETE', `/destinations/${slug}`);
  return seconds;
}

/** Waits until a destination has delivered so many events. */
export async function untilDelivered(
  server: TestServer,
  slug: string,
  events: number,
): Promise<void> {
  while ((await deliveredBy(server, slug)) < events) await sleep(POLL_MS);
}

/** @throws Error when an event did not arrive for good. */
export async function deliveredBy(server: TestServer, slug: string): Promise<number> {
  const all = (await admin(server, 'GET', '/destinations')) as DestinationReport[];
  const status = all.find((one) => one.slug === slug)?.status;
  const { filtered = {}, deadLetters = 0 } = status ?? {};
  if (deadLetters > 0 || Object.keys(filtered).length > 0) {
    throw new Error(`not delivered: ${deadLetters} dead, ${JSON.stringify(filtered)}`);
  }
  return status?.delivered ?? 0;
}

/** A request to the admin listener. @throws Error with the answer when it is not a success. */
export async function admin(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${server.adminUrl}/admin${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text);
}
