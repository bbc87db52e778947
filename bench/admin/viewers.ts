/**
 * People at their dashboards and somebody who guesses passwords, in a process of its own: `node
 * viewers.ts <admin URL> <token> <viewers> <guesses per second>`. Begins with a line `ready` and
 * ends at a line of input; then it prints what it did.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'undici';

/** What the views of the dashboard ask for, and how often. */
const POLLS: readonly [path: string, everyMs: number][] = [
  ['/admin/destinations', 5_000],
  ['/status', 5_000],
  ['/metrics', 5_000],
];
const [adminUrl = '', token = '', viewers = '0', guesses = '0'] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const dispatcher = new Agent({ connections: 400, bodyTimeout: 0 });
const done = { polls: 0, tailBytes: 0, guesses: 0, limited: 0, failures: 0 };
const timers: NodeJS.Timeout[] = [];
const ended = new AbortController();

for (let viewer = 0; viewer < Number(viewers); viewer++) {
  void follow();
  for (const [path, everyMs] of POLLS) {
    // Not all at once: people open their dashboards when they like.
    timers.push(
      setTimeout(() => {
        timers.push(setInterval(() => void poll(path), everyMs));
      }, Math.random() * everyMs),
    );
  }
}
if (Number(guesses) > 0) timers.push(setInterval(() => void guess(), 1_000 / Number(guesses)));
process.stdout.write('ready\n');
await once(process.stdin, 'data');
for (const timer of timers) clearInterval(timer);
ended.abort();
process.stdout.write(`${JSON.stringify(done)}\n`);
process.exit(0);

async function follow(): Promise<void> {
  try {
    const { body } = await request(`${adminUrl}/tail`, {
      headers,
      dispatcher,
      signal: ended.signal,
    });
    for await (const chunk of body) done.tailBytes += (chunk as Buffer).length;
  } catch {
    if (!ended.signal.aborted) done.failures++;
  }
}

async function poll(path: string): Promise<void> {
  try {
    const { body, statusCode } = await request(adminUrl + path, {
      headers,
      dispatcher,
      signal: ended.signal,
    });
    await body.dump();
    if (statusCode === 200) done.polls++;
    else done.failures++;
  } catch {
    if (!ended.signal.aborted) done.failures++;
  }
}

/** Each under another name, so that only the address counts against it. */
async function guess(): Promise<void> {
  try {
    const { body, statusCode } = await request(`${adminUrl}/admin/sign-in`, {
      method: 'POST',
      body: JSON.stringify({ email: `${randomUUID()}@example.com`, password: 'a wrong guess' }),
      dispatcher,
      signal: ended.signal,
    });
    await body.dump();
    done.guesses++;
    if (statusCode !== 401) done.limited++;
  } catch {
    if (!ended.signal.aborted) done.failures++;
  }
}
