/** Recounts in a thread of its own, so that nothing else waits; ends with its answer. */
import { parentPort, workerData } from 'node:worker_threads';
import { toError } from '../../base/errors.ts';
import { verifyEverything } from './verify-everything.ts';
import type { VerifyWhat } from './verify-everything.ts';
import type { WholeReport } from './verify-shapes.ts';

export type VerifyMessage =
  | { kind: 'progress'; share: number }
  | { kind: 'done'; report: WholeReport }
  | { kind: 'failed'; message: string };

const say = (message: VerifyMessage): void => parentPort?.postMessage(message);
try {
  const report = await verifyEverything(workerData as VerifyWhat, (share) => {
    say({ kind: 'progress', share });
  });
  say({ kind: 'done', report });
} catch (error) {
  say({ kind: 'failed', message: toError(error).message });
}
