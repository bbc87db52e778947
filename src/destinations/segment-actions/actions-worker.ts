/** The thread that runs Segment's code: answers calls, and asks for the requests that they make. */
import { parentPort } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { toError } from '../../base/errors.ts';
import { createActionRunner } from './action-runner.ts';
import type { ActionsCalls, FromWorker, ToWorker } from './actions-messages.ts';
import { installParentFetch } from './worker-fetch.ts';

assert(parentPort, 'runs as a thread');
const port = parentPort;
const parentFetch = installParentFetch(port);
const runner = createActionRunner((oauth) => {
  const callId = parentFetch.currentCall();
  port.postMessage({ kind: 'renewed', callId, oauth } satisfies FromWorker);
});
const cancels = new Map<number, AbortController>();

port.on('message', (message: ToWorker) => {
  if (message.kind === 'call') void answer(message);
  else if (message.kind === 'cancel') cancels.get(message.id)?.abort();
  else if (message.kind === 'answer') parentFetch.onAnswer(message.fetchId, message.answer);
  else parentFetch.onNoAnswer(message.fetchId, message.code, message.message);
});

async function answer({ id, name, input }: Extract<ToWorker, { kind: 'call' }>): Promise<void> {
  const cancel = new AbortController();
  cancels.set(id, cancel);
  const send = (message: FromWorker): void => port.postMessage(message);
  try {
    const output = await parentFetch.inCall(id, () => call(name, input, cancel.signal));
    send({ kind: 'result', id, output });
  } catch (error) {
    send({ kind: 'error', id, message: toError(error).message });
  } finally {
    cancels.delete(id);
  }
}

async function call(name: keyof ActionsCalls, input: unknown, signal: AbortSignal) {
  if (name === 'run') return await runner.run(input as ActionsCalls['run']['input'], signal);
  if (name === 'test') return await runner.test(input as ActionsCalls['test']['input']);
  return await runner.delete(input as ActionsCalls['delete']['input']);
}
