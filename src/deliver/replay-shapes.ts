/** Replays: events of the past again, to one destination. */

export interface ReplaySpec {
  /** Receipt times, half-open. */
  fromMs: number;
  toMs: number;
  /** Names of events, or types; empty: all. */
  events: readonly string[];
  /** FQL, or null. */
  filter: string | null;
  eventsPerSecond: number | null;
}

export type ReplayState = 'running' | 'paused' | 'done' | 'cancelled';

export interface ReplayProgress {
  id: string;
  destination: string;
  state: ReplayState;
  spec: ReplaySpec;
  createdAt: string;
  /** Of the log between its ends that is accounted for, 0 to 1. */
  share: number;
  delivered: number;
  filtered: Record<string, number>;
  waiting: number;
  dead: number;
}

/** What a replay would send by today's rules. */
export interface ReplayForecast {
  wouldSend: number;
  /** By reason. */
  filtered: Record<string, number>;
}
