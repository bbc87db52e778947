/**
 * What every SDK is asked to do against Millrace. Each behaviour fails when Millrace broke its
 * word: what it acknowledged is stored once, as it was sent. What an SDK itself loses is no such
 * failure; it is counted in the result.
 */
import assert from 'node:assert/strict';
import type { Fault, RecordedRequest } from '../fault-front.ts';
import type { Row } from '../test-server.ts';
import { until } from '../until.ts';
import { membersOf } from './raw-json.ts';
import type { Bench, BenchSource, DriveResult } from './sdk-bench.ts';
import { CALLS } from './sdk-contract.ts';
import type { BehaviourName, Call } from './sdk-contract.ts';
import { acknowledged, assertKept } from './sent-and-stored.ts';
import { LARGE_INTEGER } from './special-values.ts';

export interface Outcome {
  /** For the table. */
  text: string;
  /** Everything that the program was told to send is stored. */
  isComplete: boolean;
}

export interface Behaviour {
  /** Head of its column. */
  title: string;
  /** A sentence for the document. */
  meaning: string;
  run(bench: Bench): Promise<Outcome>;
}

const MANY = 1_000;
const FAULTY = 100;
const PACED = 300;
const KILL_AFTER = 60;
const DOWN_MS = 1_000;
const TRAFFIC_MS_MAX = 60_000;

export const BEHAVIOURS: Readonly<Record<BehaviourName, Behaviour>> = {
  six: {
    title: 'six calls',
    meaning: 'one of each call arrives with what it carries',
    run: runSix,
  },
  values: {
    title: 'values',
    meaning: 'stored JSON is the text that the SDK sent, byte for byte; user ids too',
    run: runValues,
  },
  many: {
    title: '1,000 events',
    meaning: '1,000 events arrive, each once',
    run: (bench) => runMany(bench, 'many', []),
  },
  overloaded: {
    title: '503',
    meaning: 'the first request is answered 503, with `Retry-After: 1`',
    run: (bench) => runMany(bench, 'overloaded', ['503']),
  },
  limited: {
    title: '429',
    meaning: 'the first request is answered 429, with `Retry-After: 1`',
    run: (bench) => runMany(bench, 'limited', ['429']),
  },
  failing: {
    title: '500',
    meaning: 'the first request is answered 500 and a page of HTML',
    run: (bench) => runMany(bench, 'failing', ['500']),
  },
  'lost-answer': {
    title: 'lost answer',
    meaning: 'the first request is stored, and its answer does not arrive',
    run: (bench) => runMany(bench, 'lost', ['lost-answer']),
  },
  refused: {
    title: '400',
    meaning: 'an event that is too large is refused; the next one arrives',
    run: runRefused,
  },
  'unknown-key': {
    title: '401',
    meaning: 'an unknown write key stores nothing, and the program ends',
    run: runUnknownKey,
  },
  kill: {
    title: 'kill -9',
    meaning: 'the server is killed under traffic, and started again',
    run: runKill,
  },
};

/** 1,000 events; or 100 through a plan of faults, each of which must happen. */
export async function runMany(
  bench: Bench,
  source: BenchSource,
  faults: readonly Fault[],
): Promise<Outcome> {
  const count = faults.length === 0 ? MANY : FAULTY;
  bench.front.plan(faults);
  const { requests, result } = await send(bench, source, 'many', count);
  assert.equal(bench.front.left(), 0, `every fault happened\n${tail(result)}`);
  const stored = await countStored(bench, source, requests, result);
  const text = `${stored} of ${count}${lossOf(requests, count, stored)}`;
  return { text, isComplete: stored === count };
}

async function runSix(bench: Bench): Promise<Outcome> {
  const calls: readonly Call[] = bench.sdk.calls ?? CALLS;
  const { requests, result } = await send(bench, 'six', 'six', calls.length);
  await assertKept(bench.server(), 'six', bench.keyOf('six'), requests);
  const rows = await rowsOf(bench, 'six');
  const text = `${rows.length} of ${calls.length}`;
  if (bench.sdk.limits?.six !== undefined) return { text, isComplete: false };
  assert.equal(rows.length, calls.length, `${text}\n${tail(result)}`);
  const byType = new Map(rows.map((row) => [row['type'], row]));
  const cell = (type: Call, column: string) => byType.get(type)?.[column];
  const json = (type: Call, column: string) => JSON.parse(String(cell(type, column))) as Row;
  for (const row of rows) {
    assert.equal(row['user_id'], 'u1');
    assert.ok(String(row['message_id']).length > 10);
    assert.ok(row['original_timestamp'] !== null);
    if (bench.sdk.isBare === true) continue;
    assert.ok(row['sent_at'] !== null);
    const { library } = JSON.parse(String(row['context'])) as { library?: { name?: string } };
    assert.ok(library?.name, 'the SDK says who it is');
  }
  assert.equal(json('identify', 'traits')['plan'], 'pro');
  assert.equal(cell('track', 'event'), 'Order Completed');
  assert.equal(json('track', 'properties')['total'], 9.5);
  assert.equal(cell('group', 'group_id'), 'g1');
  assert.equal(json('group', 'traits')['name'], 'Acme');
  assert.ok(cell('alias', 'previous_id'));
  if (calls.includes('screen')) assert.equal(cell('screen', 'name'), 'Start');
  if (calls.includes('page')) {
    assert.equal(cell('page', 'name'), 'Home');
    assert.equal(json('page', 'properties')['path'], '/');
  }
  return { text, isComplete: true };
}

async function runValues(bench: Bench): Promise<Outcome> {
  const { requests, result } = await send(bench, 'values', 'values', 1);
  await assertKept(bench.server(), 'values', bench.keyOf('values'), requests);
  const [item] = [...acknowledged(requests).values()].filter((text) => text.includes('"Values"'));
  if (item === undefined) {
    assert.ok(bench.sdk.limits?.values, `no event was accepted\n${tail(result)}`);
    return { text: '0 of 1', isComplete: false };
  }
  const sent = membersOf(membersOf(item).get('properties') ?? '{}').get('large');
  const isRounded = sent !== LARGE_INTEGER;
  return { text: isRounded ? `as sent (${sent})` : 'as sent', isComplete: true };
}

async function runKill(bench: Bench): Promise<Outcome> {
  const from = bench.front.recorded.length;
  const arrived = (): number => acknowledged(bench.front.recorded.slice(from)).size;
  const killed = until('traffic', () => arrived() >= KILL_AFTER, TRAFFIC_MS_MAX).then(async () => {
    const before = arrived();
    assert.ok(before < PACED, 'the kill comes before the end');
    return bench.killAndRestart(DOWN_MS);
  });
  const sending = send(bench, 'killed', 'paced', PACED);
  const [awayMs, { requests, result }] = await Promise.all([killed, sending]);
  const stored = await countStored(bench, 'killed', requests, result);
  const text = `${stored} of ${PACED}${lossOf(requests, PACED, stored)}`;
  const away = `away ${Math.round(awayMs / 1_000)} s`;
  return { text: `${text}, ${away}`, isComplete: stored === PACED };
}

async function runRefused(bench: Bench): Promise<Outcome> {
  const { requests } = await send(bench, 'refused', 'refused', 2);
  await assertKept(bench.server(), 'refused', bench.keyOf('refused'), requests);
  const rows = await rowsOf(bench, 'refused');
  assert.deepEqual(
    rows.filter(({ event }) => event === 'Large'),
    [],
  );
  const refused = await bench.server().sql(`select code from rejected where source = 'refused'`);
  const isNextStored = rows.some(({ event }) => event === 'Small');
  const codes = new Set(refused.map(({ code }) => code));
  if (bench.sdk.limits?.refused === undefined) {
    assert.deepEqual([...codes], ['event_too_large']);
    assert.ok(isNextStored, 'what follows arrives');
  }
  const times = refused.length === 1 ? 'refused once' : `refused ${refused.length} times`;
  return { text: `${times}, next ${isNextStored ? 'stored' : 'lost'}`, isComplete: isNextStored };
}

async function runUnknownKey(bench: Bench): Promise<Outcome> {
  const count = (await bench.server().sql('select 1 from events')).length;
  await bench.drive('unknownKey0123456789', 'six', CALLS.length);
  assert.equal((await bench.server().sql('select 1 from events')).length, count);
  return { text: 'nothing stored, ends', isComplete: true };
}

/** Distinct numbered events, after the look whether what was acknowledged is kept. */
async function countStored(
  bench: Bench,
  source: BenchSource,
  requests: readonly RecordedRequest[],
  result: DriveResult,
): Promise<number> {
  await assertKept(bench.server(), source, bench.keyOf(source), requests);
  const [row] = await bench
    .server()
    .sql(
      `select count(*)::int as n, count(distinct properties->>'n')::int as distinct_n ` +
        `from events where source = '${source}' and event = 'Numbered'`,
    );
  if (bench.sdk.isBare !== true) assert.equal(row?.['n'], row?.['distinct_n'], tail(result));
  return Number(row?.['distinct_n']);
}

/** Who lost what is missing: events that no request had, or whose request was not made again. */
function lossOf(requests: readonly RecordedRequest[], count: number, stored: number): string {
  const seen = new Set(
    requests.flatMap(({ body }) => [...body.matchAll(/"n": ?(\d+)/g)].map(([, n]) => n)),
  ).size;
  const losses = [
    ...(seen < count ? [`${count - seen} never arrived`] : []),
    ...(stored < seen ? [`${seen - stored} not sent again`] : []),
  ];
  return losses.length === 0 ? '' : ` (${losses.join(', ')})`;
}

async function send(
  bench: Bench,
  source: BenchSource,
  scenario: 'six' | 'values' | 'many' | 'paced' | 'refused',
  count: number,
) {
  const from = bench.front.recorded.length;
  const result = await bench.drive(bench.keyOf(source), scenario, count);
  return { result, requests: bench.front.recorded.slice(from) };
}

function rowsOf(bench: Bench, source: BenchSource): Promise<Row[]> {
  return bench
    .server()
    .sql(
      `select * from events where source = '${source}' and event is distinct from 'Settled' ` +
        `order by timestamp`,
    );
}

function tail({ text }: DriveResult): string {
  return text.slice(-1500);
}
