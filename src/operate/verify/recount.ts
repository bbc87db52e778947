/** A recount of everything in a thread of its own, of which pages ask how far it is. */
import { Worker } from 'node:worker_threads';
import { listDestinationPlaces } from '../../store/destinations/destinations.ts';
import { listSourcesEver } from '../../store/sources/sources.ts';
import { regionsOf } from '../regions-of.ts';
import type { ServerParts } from '../server-parts.ts';
import type { VerifyWhat } from './verify-everything.ts';
import type { VerifyMessage } from './verify-thread.ts';
import type { VerifyState } from './verify-shapes.ts';

export interface Recount {
  state(): VerifyState;
  /** Begins one unless one runs. */
  begin(): VerifyState;
}

type Parts = Pick<ServerParts, 'config' | 'store' | 'clock' | 'dataFolder'>;

const FILE = new URL('./verify-thread.ts', import.meta.url);
const NEVER: VerifyState = {
  state: 'never',
  share: 0,
  startedAt: null,
  finishedAt: null,
  report: null,
  failure: null,
};

/** There is one for a server. */
export function createRecount(parts: Parts): Recount {
  let verified = NEVER;
  const now = (): string => new Date(parts.clock.wallMs()).toISOString();
  return {
    state: () => verified,
    begin() {
      if (verified.state === 'running') return verified;
      verified = { ...NEVER, state: 'running', startedAt: now() };
      const end = (change: Partial<VerifyState>): void => {
        if (verified.state === 'running') verified = { ...verified, ...change, finishedAt: now() };
      };
      const worker = new Worker(FILE, { name: 'verify', workerData: whatToVerify(parts) });
      worker.on('message', (message: VerifyMessage) => {
        if (message.kind === 'progress') verified = { ...verified, share: message.share };
        else if (message.kind === 'failed') end({ state: 'failed', failure: message.message });
        else end({ state: 'done', share: 1, report: message.report });
      });
      worker.on('error', (error: Error) => end({ state: 'failed', failure: error.message }));
      worker.on('exit', () => end({ state: 'failed', failure: 'The recount ended early' }));
      // A server that stops does not wait for it: nothing is written.
      worker.unref();
      return verified;
    },
  };
}

/** Plain data for another thread: nothing of the store's own. */
function whatToVerify(parts: Parts): VerifyWhat {
  const { store, dataFolder } = parts;
  const sources = listSourcesEver(store).map(({ id, number, slug }) => ({ id, number, slug }));
  const destinations = listDestinationPlaces(store);
  return { dataFolder, regions: regionsOf(parts), sources, destinations };
}
