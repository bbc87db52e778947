/** Alert rules: what is watched, and who is told. */

/** What is watched. Minutes are whole ones that have ended. */
export type Watch =
  | { kind: 'error-rate'; source: string | null; share: number; minutes: number }
  | { kind: 'silence'; source: string; minutes: number }
  /** Against the same hour of earlier weeks. */
  | { kind: 'volume'; source: string; factor: number }
  | { kind: 'rate-limited'; source: string | null; above: number; minutes: number }
  | { kind: 'unknown-keys'; above: number; minutes: number }
  | { kind: 'dead-letters'; destination: string | null; above: number }
  | { kind: 'lag'; destination: string | null; seconds: number }
  | { kind: 'disk'; freeBytes: number }
  | { kind: 'canary'; minutes: number };

export type Channel =
  | { type: 'webhook'; url: string; secret: string | null }
  | { type: 'slack'; url: string }
  | { type: 'email'; to: string };

export interface AlertRule {
  id: string;
  name: string;
  watch: Watch;
  channels: readonly Channel[];
  /** It has to be so for this long before anybody is told. */
  forMinutes: number;
  /** While it stays so, it is said again. */
  repeatHours: number;
  isEnabled: boolean;
}
