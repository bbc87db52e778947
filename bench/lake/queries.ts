/** (b): questions of people over many events, through a server as users have it. */
import { readdir } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestServer } from '../../test/support/test-server.ts';
import type { TestServer } from '../../test/support/test-server.ts';
import { median } from '../support/load.ts';
import { residentBytes } from '../support/processes.ts';
import { shown } from '../support/run-parts.ts';
import type { Figure } from '../support/run-parts.ts';
import { fillLog } from './fill-log.ts';
import type { LakePart } from './part.ts';

const DAY_MS = 86_400_000;
const BATCH = 100;
const ASKED = 9;
const POLL_MS = 2_000;
/** Nothing has changed for so many polls: the lake has nothing more to do. */
const CALM_POLLS = 10;
const MIB = 2 ** 20;

interface Person {
  user_id: string;
  anonymous_id: string;
  message_id: string;
}

interface Question {
  figure: string;
  aimMs: number;
  sql(person: Person): string;
}

const QUESTIONS: readonly Question[] = [
  {
    figure: 'newest 100',
    aimMs: 150,
    sql: () => 'select * from events order by received_at desc limit 100',
  },
  {
    figure: 'a person by user id',
    aimMs: 200,
    sql: ({ user_id }) => `select * from events where user_id = '${user_id}' order by received_at`,
  },
  {
    figure: 'a person by anonymous id',
    aimMs: 200,
    sql: (person) => `select * from events where anonymous_id = '${person.anonymous_id}'`,
  },
  {
    figure: 'one messageId',
    aimMs: 200,
    sql: ({ message_id }) => `select * from events where message_id = '${message_id}'`,
  },
  {
    figure: 'count and group by name',
    aimMs: 200,
    sql: () => 'select event, count(*) from events group by event',
  },
  {
    figure: 'the last hour by name',
    aimMs: 100,
    sql: () =>
      'select event, count(*) from events where received_at > now() - interval 1 hour group by 1',
  },
  {
    figure: 'sum of a price',
    aimMs: 500,
    sql: () =>
      `select sum((properties->>'price')::double) from events where event = 'Order Completed'`,
  },
];

export const queries: LakePart = async ({ queryEvents, days }) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const batches = queryEvents / BATCH;
  const startMs = Date.now() - days * DAY_MS;
  const receivedMs = (batch: number): number =>
    startMs + Math.floor((batch / batches) * days * DAY_MS);
  await fillLog(join(folder, 'data'), queryEvents, receivedMs);
  const startedMs = performance.now();
  const server = await startTestServer({ folder });
  try {
    const peakBytes = await untilCalm(server, queryEvents);
    const seconds = (performance.now() - startedMs) / 1000;
    const files = await lakeFiles(server);
    return [
      { figure: 'events in the lake', value: String(queryEvents) },
      { figure: 'files of the lake', value: String(files.length) },
      { figure: 'seconds to load them and to close their days', value: seconds.toFixed(0) },
      { figure: 'peak resident memory meanwhile', value: shown(peakBytes / MIB, ' MiB') },
      ...(await ask(server, queryEvents, days)),
    ];
  } finally {
    await server.stop();
  }
};

async function ask(server: TestServer, events: number, days: number): Promise<Figure[]> {
  const people: Person[] = [];
  for (let n = 0; n < ASKED; n++) {
    const dayMs = Date.now() - ((n % (days - 1)) + 0.5) * DAY_MS;
    const since = new Date(dayMs).toISOString();
    const [row] = await server.sql(
      `select user_id, anonymous_id, message_id from events
       where received_at > '${since}' and user_id is not null limit 1`,
    );
    people.push(row as unknown as Person);
  }
  const figures: Figure[] = [];
  for (const { figure, aimMs, sql } of QUESTIONS) {
    const times: number[] = [];
    for (const person of people) {
      const askedMs = performance.now();
      const rows = await server.sql(sql(person));
      if (rows.length === 0) throw new Error(`no rows: ${sql(person)}`);
      times.push(performance.now() - askedMs);
    }
    const name = `${figure}, of ${events.toLocaleString('en')}`;
    figures.push({ figure: name, value: shown(median(times), ' ms'), aim: `≤ ${aimMs} ms` });
  }
  return figures;
}

/** Waits until all events are in files that no longer change; returns the peak of its memory. */
async function untilCalm(server: TestServer, events: number): Promise<number> {
  let [peakBytes, calm, before] = [0, 0, ''];
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(server.process));
  }, 100);
  while (calm < CALM_POLLS) {
    await sleep(POLL_MS);
    const files = [...(await lakeFiles(server)), ...(await partFiles(server))].join();
    calm = files === before ? calm + 1 : 0;
    before = files;
  }
  clearInterval(sampling);
  const [row] = await server.sql('select count(*)::int as n from events');
  if (row?.['n'] !== events) throw new Error(`SQL has ${String(row?.['n'])} of ${events} events`);
  return peakBytes;
}

async function lakeFiles(server: TestServer): Promise<string[]> {
  const names = await readdir(join(server.dataDir, 'us/lake'), { recursive: true });
  return names.filter((name) => name.endsWith('.parquet'));
}

async function partFiles(server: TestServer): Promise<string[]> {
  return readdir(join(server.dataDir, 'us/parts')).catch(() => []);
}
