/** Alert rules as a document says them, by their names. */
import { isDeepStrictEqual } from 'node:util';
import { openedRule } from '../alerts/written-rule.ts';
import type { AlertItem } from './config-document.ts';
import type { FieldChange } from './config-plan.ts';
import {
  deleteAlertRule,
  listAlertRules,
  saveAlertRule,
} from '../../store/workspace/alert-rules.ts';
import type { AlertRule } from '../../store/workspace/alert-rule-shapes.ts';
import { at, differences, needed } from './config-applying.ts';
import type { Applying } from './config-applying.ts';
import { alertItemOf } from './config-export.ts';

/** @returns what deletes those that are not named. */
export function applyAlerts(applying: Applying, items: AlertItem[] | undefined): () => void {
  const { store, sealer } = applying.seams;
  items?.forEach((item, index) => {
    at(`alerts[${index}]`, () => applyRule(applying, item));
  });
  return () => {
    if (!items) return;
    const named = new Set(items.map(({ name }) => name.toLowerCase()));
    for (const rule of listAlertRules(store, sealer)) {
      if (!named.has(rule.name.toLowerCase())) removeRule(applying, rule);
    }
  };
}

function applyRule(applying: Applying, item: AlertItem): void {
  const { store, sealer, net, config } = applying.seams;
  const known = listAlertRules(store, sealer).find(
    ({ name }) => name.toLowerCase() === item.name.toLowerCase(),
  );
  const before = known && alertItemOf(known);
  const merged = { ...STANDARD, ...before, ...item };
  const written = { ...merged, watch: needed(merged.watch, 'watch') };
  const checks = { checkUrl: net.checkUrl, hasMail: config.alerts.smtp !== null };
  const rule = openedRule(written, known?.channels ?? [], checks);
  const fields = known ? changesOf(known, { ...rule, id: known.id }) : [];
  if (known && fields.length === 0) return;
  const now = saveAlertRule(store, sealer, { ...rule, id: known?.id });
  applying.done(
    { action: known ? 'change' : 'create', kind: 'alert rule', name: item.name, fields },
    {
      action: known ? 'Alert Rule Modified' : 'Alert Rule Created',
      resource: { type: 'alert rule', id: now.id, name: now.name },
      before: before ?? null,
      after: alertItemOf(now),
    },
  );
}

/** Of what is shown; of secrets only that they are others. */
function changesOf(before: AlertRule, after: AlertRule): FieldChange[] {
  const [old, next] = [alertItemOf(before), alertItemOf(after)];
  const fields = differences(old, next);
  const isOther = !isDeepStrictEqual(before.channels, after.channels);
  if (!isOther || fields.some(({ field }) => field === 'channels')) return fields;
  return [...fields, { field: 'channels', before: old.channels, after: next.channels }];
}

/** What a new rule does not say. */
const STANDARD = { channels: [], forMinutes: 1, repeatHours: 24, enabled: true };

function removeRule(applying: Applying, rule: AlertRule): void {
  const { store, sealer } = applying.seams;
  deleteAlertRule(store, sealer, rule.id);
  applying.done(
    { action: 'delete', kind: 'alert rule', name: rule.name, fields: [] },
    {
      action: 'Alert Rule Deleted',
      resource: { type: 'alert rule', id: rule.id, name: rule.name },
      before: alertItemOf(rule),
    },
  );
}
