/**
 * A destination that the operator writes: a module of TypeScript or JavaScript, run in a thread of
 * its own with bounded time and memory (docs/destinations/module.md). A thread is no security
 * boundary: the module may do whatever Millrace itself may.
 */
import { MillraceError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import type { JsonObject } from '../../events/json.ts';
import { mergeOutcomes, writeEvents } from '../event-json.ts';
import { deleteMessage } from '../service-messages.ts';
import { untilAbort } from '../until-abort.ts';
import type { CallResult, ModuleThread } from './module-thread.ts';
import { createModuleThread } from './module-thread.ts';
import { defect } from './module-outcomes.ts';
import { MODULE_FIELDS, parseModuleSettings } from './module-settings.ts';
import type { ModuleSettings } from './module-settings.ts';

/** The module's own timeout comes first, because it can tell one call from another. */
const TIMEOUT_MARGIN_MS = 60_000;

export const module: DestinationType = {
  name: 'module',
  title: 'Module',
  integrationNames: [],
  class: 'cloud',
  order: 'user',
  defaults: {
    batchEvents: 50,
    batchBytes: 4_000_000,
    batchAgeMs: 500,
    concurrency: 1,
    timeoutMs: 30_000 + TIMEOUT_MARGIN_MS,
  },
  batching: (settings) => ({
    timeoutMs: (settings as ModuleSettings).timeoutMs + TIMEOUT_MARGIN_MS,
  }),
  fields: MODULE_FIELDS,
  parseSettings: parseModuleSettings,
  open: (settings, context) => Promise.resolve(openModule(settings as ModuleSettings, context)),
};

function openModule(given: ModuleSettings, context: DestinationContext): Destination {
  const { path, timeoutMs, memoryMb } = given;
  const settings = given.settings as JsonObject;
  const limits = { timeoutMs, memoryMb, environment: process.env };
  const thread = createModuleThread({ path, settings }, limits, context);
  /** @throws Error when the call failed, or was aborted. */
  const must = async (result: Promise<CallResult<unknown>>, signal: AbortSignal): Promise<void> => {
    const aborted = { kind: 'failed', message: 'no answer in time' } as const;
    const ended = await untilAbort<CallResult<unknown>>(
      signal,
      () => result,
      () => aborted,
    );
    if (ended.kind !== 'result') throw new Error(textOf(ended));
  };
  return {
    deliver: (batch, signal) => deliver(thread, batch, signal),
    async test(signal) {
      try {
        await must(thread.call('test', null, signal), signal);
      } catch (error) {
        throw new MillraceError('DESTINATION_TEST_FAILED', String((error as Error).message));
      }
    },
    async deleteUsers(userIds, signal) {
      const messages = userIds.map((userId) => deleteMessage(context, userId));
      try {
        await must(thread.call('deleteUsers', { userIds, messages }, signal), signal);
      } catch (error) {
        throw new MillraceError('UNAVAILABLE', String((error as Error).message), { cause: error });
      }
    },
    close: () => thread.close(),
  };
}

async function deliver(
  thread: ModuleThread,
  batch: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(batch.events);
  const { events } = written;
  if (events.length === 0) return mergeOutcomes(written, []);
  const packed = events.map((event, at) => ({
    text: written.texts[at]?.toString() ?? '',
    idempotencyKey: event.idempotencyKey,
    attempts: event.attempts,
    progress: event.progress,
    replayId: batch.replayId,
    source: { id: event.sourceId, slug: event.sourceSlug },
  }));
  const call = async (): Promise<DeliveryOutcome[]> => {
    const result = await thread.call('deliver', packed, signal);
    if (result.kind === 'result') return result.output;
    const outcome = failureOf(result, events.length);
    return events.map(() => outcome);
  };
  const outcomes = await untilAbort(signal, call, () => events.map(() => ABORTED));
  return mergeOutcomes(written, outcomes);
}

const ABORTED: DeliveryOutcome = {
  kind: 'retry',
  scope: 'destination',
  reason: 'TIMEOUT',
  message: 'the module did not come to an end in time',
};

function failureOf(
  result: Exclude<CallResult<unknown>, { kind: 'result' }>,
  events: number,
): DeliveryOutcome {
  const message = textOf(result);
  if (result.kind === 'failed') return defect(message, events);
  return { kind: 'retry', scope: 'destination', reason: 'DESTINATION_DEFECT', message };
}

function textOf({ kind, message }: Exclude<CallResult<unknown>, { kind: 'result' }>): string {
  return kind === 'unloadable' ? `the module cannot be loaded: ${message}` : message;
}
