/**
 * Hashes passwords in a thread of its own, on that thread: asynchronous scrypt would share the pool
 * of the log's writes, and a few sign-ins would stop ingestion.
 */
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemRandom } from '../base/random.ts';

export type PasswordOrder =
  | { id: number; kind: 'hash'; password: string }
  /** `hashed` null: nobody has that name, and it shall take as long. */
  | { id: number; kind: 'verify'; password: string; hashed: string | null };

export interface PasswordAnswer {
  id: number;
  hashed?: string;
  isRight?: boolean;
}

/** OWASP: N = 2^17, r = 8, p = 1. */
const COST = { N: 2 ** 17, r: 8, p: 1 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

const port = parentPort;
assert(port, 'password-thread.ts runs in a worker thread');
// Guessing gets the time that ingestion leaves. Linux has priorities of threads; elsewhere this
// would be the whole process.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);
port.on('message', (order: PasswordOrder) => {
  const answer: PasswordAnswer =
    order.kind === 'hash'
      ? { id: order.id, hashed: hash(order.password) }
      : { id: order.id, isRight: verify(order.password, order.hashed) };
  port.postMessage(answer);
});

/** `scrypt$N$r$p$salt$hash`, base64. */
function hash(password: string): string {
  const salt = Buffer.from(systemRandom.bytes(SALT_BYTES));
  const { N, r, p } = COST;
  const bytes = derive(password, salt, COST);
  return ['scrypt', N, r, p, salt.toString('base64'), bytes.toString('base64')].join('$');
}

function verify(password: string, hashed: string | null): boolean {
  const [kind, N, r, p, salt, expected] = (hashed ?? '').split('$');
  if (kind !== 'scrypt' || !salt || !expected) {
    derive(password, Buffer.from(systemRandom.bytes(SALT_BYTES)), COST);
    return false;
  }
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const bytes = derive(password, Buffer.from(salt, 'base64'), cost);
  return timingSafeEqual(bytes, Buffer.from(expected, 'base64'));
}

function derive(password: string, salt: Buffer, cost: typeof COST): Buffer {
  return scryptSync(password.normalize('NFKC'), salt, HASH_BYTES, {
    ...cost,
    maxmem: MEMORY_BYTES_MAX,
  });
}
