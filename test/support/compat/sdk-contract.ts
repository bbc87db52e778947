/** What the matrix says of an SDK, and the names of what each is asked to do. */
import type { Fault } from '../fault-front.ts';

/** In the order of the columns. */
export const BEHAVIOUR_NAMES = [
  'six',
  'values',
  'many',
  'overloaded',
  'limited',
  'failing',
  'lost-answer',
  'refused',
  'unknown-key',
  'kill',
] as const;
export type BehaviourName = (typeof BEHAVIOUR_NAMES)[number];

export const CALLS = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;
export type Call = (typeof CALLS)[number];

export interface SdkProgram {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  folder?: string;
}

export interface Sdk {
  title: string;
  version: string;
  /** Says how to start the SDK's driver, or why it cannot be. */
  prepare(): Promise<({ ok: true } & SdkProgram) | { ok: false; reason: string }>;
  /** Calls that it has; all six when not said. */
  calls?: readonly Call[];
  /** Sends neither messageId nor sentAt nor context, so that a repetition is a new event. */
  isBare?: boolean;
  /** Speaks https only. */
  isHttpsOnly?: boolean;
  /** What the SDK itself does, so that not everything it was told to send is stored. */
  limits?: Partial<Record<BehaviourName, string>>;
  /** Millrace does not speak its protocol: one call shows it, and the rest is not tried. */
  isRefused?: boolean;
  /** Answers to GET requests that Millrace does not give. */
  stubs?: Readonly<Record<string, unknown>>;
  /** Of the tests' run of mixed faults; its pauses may be long. */
  mixedFaults?: readonly Fault[];
}
