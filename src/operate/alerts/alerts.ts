/** Looks at every rule each minute, remembers how it stands, and tells people. */
import type { DatabaseSync } from 'node:sqlite';
import { openSqlite } from '../../base/sqlite.ts';
import { toError } from '../../base/errors.ts';
import type { History } from '../../observe/history.ts';
import { listAlertRules } from '../../store/workspace/alert-rules.ts';
import type { AlertRule } from '../../store/workspace/alert-rule-shapes.ts';
import type { ServerParts } from '../server-parts.ts';
import { CALM, nextState } from './alert-state.ts';
import type { AlertState } from './alert-shapes.ts';
import { evaluate } from './evaluate.ts';
import { notify } from './notify.ts';
import type { Notice } from './notify.ts';
import type { AlertEvent } from './alert-shapes.ts';

export interface Alerts {
  /** Once a minute. */
  look(): Promise<void>;
  standing(ruleId: string): AlertState;
  /** The newest first. */
  past(limit: number): AlertEvent[];
  /** Tells the channels of a rule something harmless. @throws MillraceError of the first failure */
  test(rule: AlertRule): Promise<void>;
  close(): void;
}

const SCHEMA = `
create table standing (
  rule text primary key,
  phase text not null,
  since_ms integer not null,
  told_ms integer not null,
  text text not null
) strict, without rowid;
create table told (
  id integer primary key,
  rule text not null,
  name text not null,
  phase text not null,
  text text not null,
  at_ms integer not null,
  problem text
) strict;
`;
const TOLD_MAX = 10_000;

/** @param path of the file in which it is remembered who was told what. */
export function createAlerts(
  parts: Pick<ServerParts, 'store' | 'sealer' | 'net' | 'clock' | 'logger' | 'config'>,
  history: Pick<History, 'query' | 'latest'>,
  path: string,
): Alerts {
  const { store, sealer, net, clock, logger, config } = parts;
  const seams = { net, clock, smtp: config.alerts.smtp };
  const database = openSqlite(path, { version: 1, schema: SCHEMA });
  const tell = async (rule: AlertRule, notice: Notice): Promise<void> => {
    const problems: string[] = [];
    for (const channel of rule.channels) {
      await notify(seams, channel, notice).catch((error: unknown) => {
        problems.push(`${channel.type}: ${toError(error).message}`);
      });
    }
    if (problems.length > 0) logger.error({ rule: rule.name, problems }, 'alert not delivered');
    const problem = problems.length > 0 ? problems.join('; ') : null;
    const { phase, text, atMs } = notice;
    remember(database, { ruleId: rule.id, name: rule.name, phase, text, atMs, problem });
  };
  return {
    async look() {
      for (const rule of listAlertRules(store, sealer)) {
        if (!rule.isEnabled) continue;
        const atMs = clock.wallMs();
        const finding = evaluate(rule.watch, history, atMs);
        const { state, news } = nextState(standingOf(database, rule.id), finding, rule, atMs);
        // Before it is said: said twice is better than never, but a crash loop must not shout.
        keep(database, rule.id, state);
        if (news === null) continue;
        const { text, sinceMs } = state;
        await tell(rule, { ruleId: rule.id, name: rule.name, phase: news, text, sinceMs, atMs });
      }
    },
    standing: (ruleId) => standingOf(database, ruleId),
    past: (limit) => pastOf(database, limit),
    async test(rule) {
      const atMs = clock.wallMs();
      const text = 'This is a test; nothing is wrong.';
      const notice = { ruleId: rule.id, name: rule.name, phase: 'test', text } as const;
      for (const channel of rule.channels) {
        await notify(seams, channel, { ...notice, sinceMs: atMs, atMs });
      }
    },
    close: () => database.close(),
  };
}

function standingOf(database: DatabaseSync, ruleId: string): AlertState {
  const row = database.prepare('select * from standing where rule = ?').get(ruleId);
  if (!row) return CALM;
  return {
    phase: row['phase'] as AlertState['phase'],
    sinceMs: Number(row['since_ms']),
    toldMs: Number(row['told_ms']),
    text: String(row['text']),
  };
}

function keep(database: DatabaseSync, ruleId: string, state: AlertState): void {
  database
    .prepare(
      `insert into standing (rule, phase, since_ms, told_ms, text) values (?, ?, ?, ?, ?)
       on conflict (rule) do update set phase = excluded.phase, since_ms = excluded.since_ms,
         told_ms = excluded.told_ms, text = excluded.text`,
    )
    .run(ruleId, state.phase, state.sinceMs, state.toldMs, state.text);
}

function remember(database: DatabaseSync, event: AlertEvent): void {
  const { ruleId, name, phase, text, atMs, problem } = event;
  database
    .prepare('insert into told (rule, name, phase, text, at_ms, problem) values (?, ?, ?, ?, ?, ?)')
    .run(ruleId, name, phase, text, atMs, problem);
  database.prepare('delete from told where id <= (select max(id) from told) - ?').run(TOLD_MAX);
}

function pastOf(database: DatabaseSync, limit: number): AlertEvent[] {
  const rows = database.prepare('select * from told order by id desc limit ?').all(limit);
  return rows.map((row) => ({
    ruleId: String(row['rule']),
    name: String(row['name']),
    phase: String(row['phase']),
    text: String(row['text']),
    atMs: Number(row['at_ms']),
    problem: row['problem'] === null ? null : String(row['problem']),
  }));
}
