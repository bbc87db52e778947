/** A load generator that costs little itself: raw sockets, one request at a time on each. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface LoadResult {
  requests: number;
  /** Answers that were not 200. */
  failures: number;
  seconds: number;
  /** Milliseconds of each request, sorted; only with a rate. */
  latenciesMs: number[];
}

export interface LoadOptions {
  host: string;
  port: number;
  connections: number;
  seconds: number;
  /** The next whole request, head included. */
  next(): Buffer;
  /** Requests per second over all connections (open loop); without it, as fast as answers come. */
  perSecond?: number;
}

const SUCCESS_BYTES = '{"success":true}'.length;

/** A POST with its head. */
export function httpRequest(path: string, body: Buffer | string, authorization: string): Buffer {
  const bytes = Buffer.from(body);
  const head =
    `POST ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: ${authorization}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

/** Sends for the given time and waits for the last answers. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { host, port, connections } = options;
  const clients = await Promise.all(
    Array.from({ length: connections }, () => openClient(host, port)),
  );
  const state = { requests: 0, failures: 0, latenciesMs: [] as number[] };
  const startMs = performance.now();
  const endMs = startMs + options.seconds * 1000;
  try {
    if (options.perSecond === undefined) {
      await Promise.all(clients.map((client) => closedLoop(client, options, state, endMs)));
    } else {
      await openLoop(clients, options, options.perSecond, state, startMs, endMs);
    }
  } finally {
    for (const { socket } of clients) socket.destroy();
  }
  const { requests, failures, latenciesMs } = state;
  latenciesMs.sort((a, b) => a - b);
  return { requests, failures, seconds: (performance.now() - startMs) / 1000, latenciesMs };
}

/** A value of a sorted list, by share (0.99 is p99). */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

interface LoadState {
  requests: number;
  failures: number;
  latenciesMs: number[];
}

interface Client {
  socket: Socket;
  onAnswer: (status: number) => void;
}

function openClient(host: string, port: number): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const client: Client = { socket, onAnswer: () => undefined };
    const pending = { buffer: Buffer.alloc(0) };
    socket.on('data', (chunk: Buffer) => readAnswers(client, pending, chunk));
    socket.once('connect', () => resolve(client));
    socket.once('error', reject);
  });
}

/** `200 … \r\n\r\n{"success":true}` in one chunk, told by a few bytes: nearly every answer. */
function isWholeSuccess(chunk: Buffer): boolean {
  const bodyAt = chunk.length - SUCCESS_BYTES;
  return (
    bodyAt > 16 &&
    chunk[9] === 0x32 &&
    chunk[11] === 0x30 &&
    chunk[bodyAt] === 0x7b &&
    chunk[bodyAt - 1] === 0x0a &&
    chunk[bodyAt - 2] === 0x0d &&
    chunk[bodyAt - 3] === 0x0a &&
    chunk[chunk.length - 1] === 0x7d
  );
}

/** Answers are small: status line, heads, and a body of the length they name. */
function readAnswers(client: Client, pending: { buffer: Buffer }, chunk: Buffer): void {
  if (pending.buffer.length === 0 && isWholeSuccess(chunk)) {
    client.onAnswer(200);
    return;
  }
  let bytes = pending.buffer.length === 0 ? chunk : Buffer.concat([pending.buffer, chunk]);
  for (;;) {
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) break;
    const head = bytes.toString('latin1', 0, headEnd);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (bytes.length < end) break;
    const status = Number(head.slice(9, 12));
    bytes = bytes.subarray(end);
    client.onAnswer(status);
  }
  pending.buffer = bytes;
}

function closedLoop(
  client: Client,
  options: LoadOptions,
  state: LoadState,
  endMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.socket.once('error', reject);
    client.socket.once('close', () => reject(new Error('the server closed a connection')));
    const send = (): void => {
      if (performance.now() >= endMs) {
        client.socket.removeAllListeners('close');
        resolve();
        return;
      }
      client.socket.write(options.next());
    };
    client.onAnswer = (status) => {
      state.requests++;
      if (status !== 200) state.failures++;
      send();
    };
    send();
  });
}

/** Requests start by the clock; a late answer does not hold the next ones back (no omission). */
async function openLoop(
  clients: readonly Client[],
  options: LoadOptions,
  perSecond: number,
  state: LoadState,
  startMs: number,
  endMs: number,
): Promise<void> {
  const queues = clients.map((): number[] => []);
  let sent = 0;
  let answered = 0;
  clients.forEach((client, at) => {
    client.onAnswer = (status) => {
      const dueMs = queues[at]?.shift() ?? 0;
      state.latenciesMs.push(performance.now() - dueMs);
      state.requests++;
      answered++;
      if (status !== 200) state.failures++;
    };
  });
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const nowMs = performance.now();
      const due = Math.floor(((Math.min(nowMs, endMs) - startMs) / 1000) * perSecond);
      for (; sent < due; sent++) {
        const at = sent % clients.length;
        queues[at]?.push(startMs + (sent * 1000) / perSecond);
        clients[at]?.socket.write(options.next());
      }
      const isOver = nowMs >= endMs && (answered >= sent || nowMs >= endMs + 10_000);
      if (!isOver) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}
