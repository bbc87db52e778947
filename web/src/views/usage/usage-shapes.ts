/** Alert rules as the server shows them. */
export type Watch = { kind: string } & Record<string, string | number | null>;

export type Channel =
  | { type: 'webhook'; url: string; secret: string | null }
  | { type: 'slack'; url: string }
  | { type: 'email'; to: string };

export interface Rule {
  id: string;
  name: string;
  watch: Watch;
  channels: Channel[];
  forMinutes: number;
  repeatHours: number;
  enabled: boolean;
}

export interface StandingRule extends Rule {
  standing: { phase: 'ok' | 'pending' | 'firing'; sinceMs: number; text: string };
}

export interface AlertsAnswer {
  rules: StandingRule[];
  past: { name: string; phase: string; text: string; atMs: number; problem: string | null }[];
  hasMail: boolean;
}
