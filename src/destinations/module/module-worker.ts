/** The thread that runs a user's module: loads it, answers calls, and asks for its requests. */
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { toError } from '../../base/errors.ts';
import { createPortFetch } from '../segment-actions/worker-fetch.ts';
import type { FromModule, ModuleCalls, ModuleSetup, ToModule } from './module-messages.ts';
import { createModuleRunner, exportsOf } from './module-runner.ts';
import type { ModuleRunner } from './module-runner.ts';

assert(parentPort, 'runs as a thread');
const port = parentPort;
const { path, settings } = workerData as ModuleSetup;
const send = (message: FromModule): void => port.postMessage(message);
const portFetch = createPortFetch(port, () => 0);
const cancels = new Map<number, AbortController>();

/** Segment's functions find these without importing them. */
for (const name of [
  'RetryError',
  'EventNotSupported',
  'InvalidEventPayload',
  'ValidationError',
  'DropEvent',
]) {
  const NamedError = class extends Error {
    override readonly name = name;
  };
  Object.defineProperty(globalThis, name, {
    value: NamedError,
    writable: true,
    configurable: true,
  });
}
globalThis.fetch = portFetch.fetch;

const runner = load();

port.on('message', (message: ToModule) => {
  if (message.kind === 'call') void answer(message);
  else if (message.kind === 'cancel') cancels.get(message.id)?.abort();
  else if (message.kind === 'answer') portFetch.onAnswer(message.fetchId, message.answer);
  else portFetch.onNoAnswer(message.fetchId, message.code, message.message);
});

async function load(): Promise<ModuleRunner | null> {
  try {
    const namespace: unknown = await import(pathToFileURL(path).href);
    const { fetch } = portFetch;
    const loaded = createModuleRunner(exportsOf(namespace), { settings, fetch });
    send({ kind: 'ready' });
    return loaded;
  } catch (error) {
    send({ kind: 'unloadable', message: toError(error).message });
    return null;
  }
}

async function answer({ id, name, input }: Extract<ToModule, { kind: 'call' }>): Promise<void> {
  const cancel = new AbortController();
  cancels.set(id, cancel);
  try {
    const loaded = await runner;
    assert(loaded, 'calls come after the module is loaded');
    const output = await call(loaded, name, input, cancel.signal);
    send({ kind: 'result', id, output });
  } catch (error) {
    send({ kind: 'error', id, message: toError(error).message });
  } finally {
    cancels.delete(id);
  }
}

async function call(
  loaded: ModuleRunner,
  name: keyof ModuleCalls,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (name === 'deliver') return loaded.deliver(input as ModuleCalls['deliver']['input'], signal);
  if (name === 'test') return loaded.test(null, signal);
  return loaded.deleteUsers(input as ModuleCalls['deleteUsers']['input'], signal);
}
