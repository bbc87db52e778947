/**
 * Opens a destination: first its state, in which its place in the log is durable, then its service.
 * What cannot be opened is tried again; meanwhile its events stay in the log.
 */
import { dirname, join } from 'node:path';
import type { Disk } from '../base/disk.ts';
import { MillraceError, toError } from '../base/errors.ts';
import type { Destination } from '../destinations/destination-contract.ts';
import { restBeforeRestart } from './destination-run-state.ts';
import type { RunState } from './destination-run-state.ts';
import { startCursors } from './start-cursors.ts';
import { deliveryStatePath, openDeliveryState } from './state/delivery-state.ts';
import { LIVE_STREAM } from './state/delivery-rows.ts';

/** Repeats until it is done; false when the run stops before. */
export async function untilDone(
  run: RunState,
  work: (run: RunState) => Promise<void> | void,
): Promise<boolean> {
  for (let attempt = 1; !run.stopping.signal.aborted; attempt++) {
    try {
      await work(run);
      run.failure = null;
      return true;
    } catch (error) {
      run.failure = toError(error).message;
      run.logger.error({ reason: run.failure }, 'destination cannot be opened; its events wait');
      await restBeforeRestart(run, attempt);
    }
  }
  return false;
}

/** Its state, and where it begins, before its service is looked for. */
export async function openPlace(run: RunState): Promise<void> {
  const { record, seams } = run;
  const path = deliveryStatePath(seams.dataFolder, record.region, record.id);
  await seams.disk.makeFolder(dirname(path));
  // At another attempt it may be open already.
  run.state ??= openDeliveryState(path);
  const { state } = run;
  const missing = await startCursors(record, seams, state.cursors(LIVE_STREAM));
  state.addCursors(LIVE_STREAM, missing);
}

/** @throws MillraceError DESTINATION_INVALID, or what opening it says. */
export async function openService(run: RunState): Promise<void> {
  const { record, seams } = run;
  run.type = seams.findType(record.type);
  if (record.state === 'disabled') {
    // It is sent nothing, so its service need not be there, nor its settings be right.
    run.destination = NO_SERVICE;
    return;
  }
  if (!run.type) throw new MillraceError('DESTINATION_INVALID', `unknown type ${record.type}`);
  const temporaryFolder = join(seams.dataFolder, 'tmp', 'deliver', record.id);
  await emptyFolder(seams.disk, temporaryFolder);
  const parsed = run.type.parseSettings(record.settings, seams.net);
  run.destination = await run.type.open(parsed, {
    destinationId: record.id,
    slug: record.slug,
    region: record.region,
    clock: seams.clock,
    random: seams.random,
    logger: run.logger,
    net: seams.net,
    temporaryFolder,
    keptTokens: () => seams.renewedTokens(record.id),
    keepTokens: (tokens) => seams.keepTokens(record.id, tokens),
    sources: seams.sources,
  });
}

const NO_SERVICE: Destination = {
  deliver: () => Promise.reject(new Error('a disabled destination is sent nothing')),
  close: () => Promise.resolve(),
};

async function emptyFolder(disk: Disk, folder: string): Promise<void> {
  await disk.makeFolder(folder);
  for (const name of await disk.list(folder)) await disk.remove(join(folder, name));
}
