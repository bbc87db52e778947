/** People's queries run in processes of their own: one of them ends nothing but itself. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

/** From the source or built. */
const PROGRAM = /query-process\.[jt]s/;

let server: TestServer;

before(async () => {
  server = await startTestServer({
    config: {
      sql: {
        timeoutMs: 4_000,
        processesMax: 2,
        waitingMax: 2,
        answerBytesMax: 10_000_000,
      },
    },
  });
  await server.post('/v1/track', { userId: 'u', event: 'E', messageId: 'm1' });
  await server.sqlUntil('select 1 from events', (rows) => rows.length === 1);
});
after(() => server.stop());

async function ask(
  sql: string,
  signal?: AbortSignal,
): Promise<{ code: string; rows: unknown[]; message: string }> {
  const response = await fetch(`${server.adminUrl}/sql`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${server.token}` },
    body: JSON.stringify({ sql }),
    ...(signal ? { signal } : {}),
  });
  const body = (await response.json()) as { code?: string; rows?: unknown[]; message?: string };
  return { code: body.code ?? 'OK', rows: body.rows ?? [], message: body.message ?? '' };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.adminUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Processes that run queries, whose parent is a server. */
function queryProcesses(parent = server.process.pid): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const isOurs = status.includes(`\nPPid:\t${parent}\n`);
      return isOurs && PROGRAM.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    } catch {
      // It ended while it was looked at.
      return false;
    }
  });
}

const CRASHING = `select json_structure(repeat('[', 100000) || repeat(']', 100000))`;
/** The engine does not look whether it was interrupted while it works on one value. */
const DEAF = `select levenshtein(repeat('a', 400000), repeat('b', 400000))`;
const SLOW = 'select count(*) from range(100000000000) a, range(100000000000) b';

describe('a query that', () => {
  test('ends its process is told so, is counted, and the next one runs', async () => {
    assert.equal((await ask(CRASHING)).code, 'SQL_CRASHED');
    assert.equal((await ask('select 1')).code, 'OK');
    assert.equal(await metric('millrace_sql_crashes_total'), 1);
    assert.equal((await fetch(`${server.adminUrl}/health`)).status, 200);
    const response = await server.post('/v1/track', { userId: 'u', event: 'E', messageId: 'm2' });
    assert.equal(response.status, 200);
    await server.sqlUntil(`select 1 from events where message_id = 'm2'`, (r) => r.length === 1);
  });

  test('comes when all places are taken waits; beyond those that wait it is refused', async () => {
    const leaving = new AbortController();
    const slow = [ask(SLOW, leaving.signal), ask(SLOW, leaving.signal)];
    const answers = Promise.allSettled(slow);
    await untilBusy();
    const codes: string[] = [];
    const others = Array.from({ length: 5 }, () =>
      ask('select 3').then(({ code }) => {
        codes.push(code);
        // The first refusals free the places of those that wait.
        if (codes.length === 3) leaving.abort();
      }),
    );
    await Promise.all(others);
    await answers;
    assert.deepEqual(codes.toSorted(), ['OK', 'OK', 'SQL_BUSY', 'SQL_BUSY', 'SQL_BUSY']);
  });

  test('does not hear of its time limit is ended with its process', async () => {
    const answer = ask(DEAF);
    // It takes one of these, or one that starts now.
    await ask('select 1');
    const meanwhile = queryProcesses();
    assert.equal((await answer).code, 'SQL_TIMEOUT');
    // The answer does not wait until the system has cleared it away.
    await until('it has ended', () => !meanwhile.every((pid) => queryProcesses().includes(pid)));
    assert.equal((await ask('select 1')).code, 'OK');
  });

  test('nobody waits for any more leaves its place at once', async () => {
    const leaving = new AbortController();
    const gone = Promise.allSettled([ask(SLOW, leaving.signal), ask(SLOW, leaving.signal)]);
    const waiting = ask('select 2');
    leaving.abort();
    await gone;
    assert.equal((await waiting).code, 'OK');
  });

  test('nobody waits for any more also leaves its place among those that wait', async () => {
    const leaving = new AbortController();
    const running = new AbortController();
    const slow = Promise.allSettled([ask(SLOW, running.signal), ask(SLOW, running.signal)]);
    await untilBusy();
    const waiting = Promise.allSettled(
      Array.from({ length: 2 }, () => ask('select 4', leaving.signal)),
    );
    await until('the two wait', async () => (await metric('millrace_sql_waiting')) === 2);
    leaving.abort();
    await waiting;
    const next = ask('select 6');
    running.abort();
    assert.equal((await next).code, 'OK');
    await slow;
  });

  test('answers more than the server should carry fails, and the next one runs', async () => {
    const wide = `select repeat('x', 10000) || i as x from range(2000) t(i)`;
    assert.equal((await ask(wide)).code, 'SQL_ANSWER_TOO_LARGE');
    assert.equal((await ask('select 1')).code, 'OK');
  });
});

/** All places are taken. */
function untilBusy(): Promise<void> {
  return until('two queries run', async () => (await metric('millrace_sql_running')) === 2);
}

test('what a query would do is explained, and judged as the query', async () => {
  const plan = await ask('explain select count(*) from events where event = $$E$$');
  assert.equal(plan.code, 'OK');
  assert.match(JSON.stringify(plan.rows), /READ_PARQUET/);
  assert.ok(!JSON.stringify(plan.rows).includes(server.dataDir));
  assert.equal((await ask('explain drop view events')).code, 'SQL_REFUSED');
  assert.equal((await ask(`explain select * from read_csv('/etc/passwd')`)).code, 'SQL_REFUSED');
});

test('the views of a source are there for every way to ask for them', async () => {
  assert.equal((await ask('select count(*) from test.tracks')).code, 'OK');
  assert.equal((await ask('select count(*) from TEST.Tracks')).code, 'OK');
  const names = (await ask(
    `select table_name from information_schema.tables where table_schema = 'test'`,
  )) as { rows: [string][] };
  for (const name of ['tracks', 'identifies', 'users', 'e']) {
    assert.ok(
      names.rows.some(([found]) => found === name),
      `${name} of ${names.rows.join(' ')}`,
    );
  }
  const shown = await ask('describe test.tracks');
  assert.match(JSON.stringify(shown.rows), /event_text/);
});

test('with the server all of them end', async () => {
  await ask('select 1');
  assert.ok(queryProcesses().length > 0);
  await server.terminate();
  assert.deepEqual(queryProcesses(), []);
});

test('a server that is killed leaves no query behind, not even a deaf one', async () => {
  const killed = await startTestServer();
  const asked = fetch(`${killed.adminUrl}/sql`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${killed.token}` },
    body: JSON.stringify({ sql: DEAF }),
  }).catch(() => null);
  const ofKilled = (): number[] => queryProcesses(killed.process.pid);
  await until('a process runs', () => ofKilled().length > 0);
  const left = ofKilled();
  // It has begun to work on the one value.
  await until('it is busy', () => left.some(isBusy));
  await killed.kill();
  await until('all of them have ended', () => !left.some(isAlive));
  await asked;
  await killed.stop();
});

/** Whether a process has taken a second of CPU: far more than its start. */
function isBusy(pid: number): boolean {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) > 200;
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
