/**
 * Amazon S3 and what speaks its protocol. Every batch becomes objects whose names follow from its
 * place in the log: what is tried again is written over itself, and each event is in the bucket
 * exactly once (docs/destinations/s3.md).
 */
import { MillraceError, toError } from '../../base/errors.ts';
import type {
  DeliveryBatch,
  DeliveryOutcome,
  Destination,
  DestinationContext,
  DestinationType,
} from '../destination-contract.ts';
import { mergeOutcomes, writeEvents } from '../event-json.ts';
import { createObjectStore } from './object-store.ts';
import type { ObjectStore, StoreOutcome } from './object-store.ts';
import { groupsOf, parquetKey, segmentLogsBody, segmentLogsKey } from './s3-objects.ts';
import type { ObjectGroup } from './s3-objects.ts';
import { parquetFiles } from './parquet-files.ts';
import { S3_FIELDS, parseS3Settings } from './s3-settings.ts';
import type { S3Settings } from './s3-settings.ts';

export const s3: DestinationType = {
  name: 's3',
  title: 'Amazon S3',
  integrationNames: ['Amazon S3', 'AWS S3'],
  class: 'storage',
  order: 'log',
  defaults: {
    batchEvents: 20_000,
    batchBytes: 32 * 2 ** 20,
    batchAgeMs: 60_000,
    concurrency: 1,
    timeoutMs: 300_000,
  },
  fields: S3_FIELDS,
  parseSettings: parseS3Settings,
  open: (settings, context) => Promise.resolve(openS3(settings as S3Settings, context)),
};

interface StoredObject {
  key: string;
  body: Buffer;
  type: string;
}

function openS3(settings: S3Settings, context: DestinationContext): Destination {
  const store = createObjectStore(settings, context);
  return {
    deliver: (batch, signal) => deliver({ settings, context, store }, batch, signal),
    async test(signal) {
      const key = `${settings.prefix}millrace-test-${context.slug}`;
      const body = Buffer.from('A test of Millrace; it may be deleted.\n');
      const outcomes = [await store.put(key, body, 'text/plain', signal)];
      if (outcomes[0]?.kind === 'delivered') outcomes.push(await store.remove(key, signal));
      const last = outcomes.at(-1);
      if (last?.kind !== 'retry') return;
      const text = last.response ? `${last.message} (${last.response})` : last.message;
      throw new MillraceError('DESTINATION_TEST_FAILED', text);
    },
    close: () => Promise.resolve(),
  };
}

interface Opened {
  settings: S3Settings;
  context: DestinationContext;
  store: ObjectStore;
}

async function deliver(
  opened: Opened,
  batch: DeliveryBatch,
  signal: AbortSignal,
): Promise<DeliveryOutcome[]> {
  const written = writeEvents(batch.events);
  const outcome = await storeGroups(opened, groupsOf(batch, written.events, written.texts), signal);
  return mergeOutcomes(
    written,
    written.events.map(() => outcome),
  );
}

/**
 * All objects are made before the first is sent, so that what cannot be made leaves nothing behind.
 * One that is refused ends the attempt; the next one writes all of them again.
 */
async function storeGroups(
  { settings, context, store }: Opened,
  groups: readonly ObjectGroup[],
  signal: AbortSignal,
): Promise<StoreOutcome> {
  let objects: StoredObject[];
  try {
    objects = await objectsOf(settings, groups, context, signal);
  } catch (error) {
    if (!signal.aborted) throw toError(error);
    const message = 'aborted while the objects were made';
    return { kind: 'retry', scope: 'destination', reason: 'TIMEOUT', message };
  }
  let outcome: StoreOutcome = { kind: 'delivered' };
  for (const { key, body, type } of objects) {
    outcome = await store.put(key, body, type, signal);
    if (outcome.kind === 'retry') break;
  }
  return outcome;
}

async function objectsOf(
  settings: S3Settings,
  groups: readonly ObjectGroup[],
  context: DestinationContext,
  signal: AbortSignal,
): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  if (settings.format !== 'segment-logs' && groups.length > 0) {
    const type = 'application/vnd.apache.parquet';
    const bodies = await parquetFiles(groups, context, signal);
    for (const [at, body] of bodies.entries()) {
      const group = groups[at];
      if (group) objects.push({ key: parquetKey(settings, group), body, type });
    }
  }
  if (settings.format !== 'parquet') {
    const type = 'application/gzip';
    for (const group of groups) {
      signal.throwIfAborted();
      const body = await segmentLogsBody(group);
      objects.push({ key: segmentLogsKey(settings, group), body, type });
    }
  }
  return objects;
}
