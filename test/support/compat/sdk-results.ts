/** What the last runs of `npm run compat` found, as it is committed beside the document. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../test-server.ts';
import type { BehaviourName } from './sdk-contract.ts';

const PATH = join(ROOT, 'docs/compatibility.json');

export interface Cell {
  text: string;
  /** Incomplete: the SDK itself lost events. Failed: Millrace broke its word, or nobody knows. */
  state: 'complete' | 'incomplete' | 'failed';
}

export interface SdkResult {
  version: string;
  /** Of the run. */
  date: string;
  /** Absent when it could not be started. */
  cells?: Record<BehaviourName, Cell>;
  reason?: string;
}

export function readResults(): Record<string, SdkResult> {
  return JSON.parse(readFileSync(PATH, 'utf8')) as Record<string, SdkResult>;
}

export async function writeResults(results: Record<string, SdkResult>): Promise<void> {
  const sorted = Object.entries(results).sort(([a], [b]) => a.localeCompare(b));
  await writeFile(PATH, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}
