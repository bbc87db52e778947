/** Alert rules as people write and see them, how each stands, and what people were told. */
import type { z } from 'zod';
import type { AlertRule, Channel } from '../../store/workspace/alert-rule-shapes.ts';
import type { alertRuleSchema } from './alert-rule-schema.ts';

/** As people write it. */
export type WrittenAlertRule = z.input<typeof alertRuleSchema>;

/** As it is shown: without secrets. */
export interface AlertRuleView extends Omit<AlertRule, 'isEnabled' | 'channels'> {
  channels: Channel[];
  enabled: boolean;
}

export type AlertPhase = 'ok' | 'pending' | 'firing';

export interface AlertState {
  phase: AlertPhase;
  sinceMs: number;
  /** When people were told last; 0: not since it began. */
  toldMs: number;
  text: string;
}

export interface AlertEvent {
  ruleId: string;
  name: string;
  phase: string;
  text: string;
  atMs: number;
  /** What went wrong in telling somebody; null: everybody was told. */
  problem: string | null;
}

export interface StandingRule extends AlertRuleView {
  standing: AlertState;
}

export interface AlertsAnswer {
  rules: StandingRule[];
  /** The newest first. */
  past: AlertEvent[];
  /** Whether a channel may be an address of email. */
  hasMail: boolean;
}
