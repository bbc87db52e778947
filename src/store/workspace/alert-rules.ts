/** Alert rules: what is watched, and who is told. Channels are sealed: they hold secrets. */
import { MillraceError } from '../../base/errors.ts';
import type { Sealer } from '../sealing/sealing.ts';
import type { Store } from '../store.ts';
import { ensureWorkspace } from './workspaces.ts';
import type { AlertRule, Channel, Watch } from './alert-rule-shapes.ts';

const RULES_MAX = 500;

/** In the order they were made. */
export function listAlertRules(store: Store, sealer: Sealer): AlertRule[] {
  return store.database
    .prepare('select * from alert_rules where workspace_id = ? order by created_at_ms, id')
    .all(ensureWorkspace(store).id)
    .map((row) => ruleOf(row, sealer));
}

/** @throws MillraceError NOT_FOUND */
export function getAlertRule(store: Store, sealer: Sealer, id: string): AlertRule {
  const row = store.database
    .prepare('select * from alert_rules where workspace_id = ? and id = ?')
    .get(ensureWorkspace(store).id, id);
  if (row) return ruleOf(row, sealer);
  throw new MillraceError('NOT_FOUND', 'There is no such alert rule', { field: 'id' });
}

/** Makes it, or puts it in the place of the one with its id. @throws MillraceError CONFLICT */
export function saveAlertRule(
  store: Store,
  sealer: Sealer,
  given: Omit<AlertRule, 'id'> & { id?: string | undefined },
): AlertRule {
  const { id = store.random.uuid(), name, isEnabled, channels, ...rest } = given;
  if (given.id === undefined && listAlertRules(store, sealer).length >= RULES_MAX) {
    throw new MillraceError('CONFLICT', `There are ${RULES_MAX} alert rules already`);
  }
  const sealed = Buffer.from(sealer.seal(JSON.stringify(channels), placeOf(id)));
  const rule = JSON.stringify({ ...rest, channels: sealed.toString('base64') });
  store.database
    .prepare(
      `insert into alert_rules (id, workspace_id, name, rule, is_enabled, created_at_ms)
       values (?, ?, ?, ?, ?, ?)
       on conflict (id) do update set name = excluded.name, rule = excluded.rule,
         is_enabled = excluded.is_enabled`,
    )
    .run(id, ensureWorkspace(store).id, name, rule, isEnabled ? 1 : 0, store.clock.wallMs());
  return getAlertRule(store, sealer, id);
}

/** @throws MillraceError NOT_FOUND */
export function deleteAlertRule(store: Store, sealer: Sealer, id: string): AlertRule {
  const rule = getAlertRule(store, sealer, id);
  store.database
    .prepare('delete from alert_rules where workspace_id = ? and id = ?')
    .run(ensureWorkspace(store).id, id);
  return rule;
}

function ruleOf(row: Record<string, unknown>, sealer: Sealer): AlertRule {
  const id = String(row['id']);
  const { channels, ...rest } = JSON.parse(String(row['rule'])) as {
    watch: Watch;
    forMinutes: number;
    repeatHours: number;
    channels: string;
  };
  const opened = sealer.open(Buffer.from(channels, 'base64'), placeOf(id));
  return {
    ...rest,
    id,
    name: String(row['name']),
    channels: JSON.parse(opened) as Channel[],
    isEnabled: row['is_enabled'] === 1,
  };
}

function placeOf(id: string): string {
  return `alert/${id}`;
}
