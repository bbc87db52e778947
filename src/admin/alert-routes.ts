/** Alert rules, what fires now, and what people were told. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import {
  deleteAlertRule,
  getAlertRule,
  listAlertRules,
  saveAlertRule,
} from '../store/workspace/alert-rules.ts';
import type { AlertRule } from '../store/workspace/alert-rules.ts';
import { recordAudit } from '../store/people/audit.ts';
import type { Actor } from '../store/people/audit.ts';
import type { Sealer } from '../store/sealing/sealing.ts';
import { listSources } from '../store/sources/sources.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { requireAllSources, requireRole } from './actor.ts';
import { alertRuleSchema, openedRule, ruleView } from '../operate/alerts/alert-rule-shape.ts';
import type { ChannelChecks } from '../operate/alerts/alert-rule-shape.ts';
import { parseBody } from './parse-body.ts';

export interface AlertControl extends ChannelChecks {
  store: Store;
  sealer: Sealer;
  standing(ruleId: string): { phase: string; sinceMs: number; text: string };
  past(limit: number): unknown[];
  test(rule: AlertRule): Promise<void>;
}

const PAST_SHOWN = 200;
/** Behind the guard. Alerts speak of all sources. */
export function alertRoutes(control: AlertControl): Hono {
  const { store, sealer } = control;
  const routes = new Hono();
  routes.get('/alerts', (c) => {
    requireReader(c);
    const rules = listAlertRules(store, sealer).map((rule) => ({
      ...ruleView(rule),
      standing: control.standing(rule.id),
    }));
    return c.json({ rules, past: control.past(PAST_SHOWN), hasMail: control.hasMail });
  });
  routes.get('/alerts/suggestions', (c) => {
    requireReader(c);
    return c.json(suggestions(listSources(store).map((source) => source.slug)));
  });
  routes.post('/alerts', async (c) => {
    const actor = requireWriter(c);
    const given = openedRule(await parseBody(c, alertRuleSchema), [], control);
    const made = inStoreTransaction(store, () => {
      const rule = saveAlertRule(store, sealer, given);
      audit(store, actor, 'Alert Rule Created', null, rule);
      return rule;
    });
    return c.json(ruleView(made), 201);
  });
  routes.put('/alerts/:id', async (c) => {
    const actor = requireWriter(c);
    const before = getAlertRule(store, sealer, c.req.param('id'));
    const given = openedRule(await parseBody(c, alertRuleSchema), before.channels, control);
    const changed = inStoreTransaction(store, () => {
      const rule = saveAlertRule(store, sealer, { ...given, id: before.id });
      audit(store, actor, 'Alert Rule Modified', before, rule);
      return rule;
    });
    return c.json(ruleView(changed));
  });
  routes.delete('/alerts/:id', (c) => {
    const actor = requireWriter(c);
    inStoreTransaction(store, () => {
      const rule = deleteAlertRule(store, sealer, c.req.param('id'));
      audit(store, actor, 'Alert Rule Deleted', rule, null);
    });
    return c.json({ deleted: true });
  });
  routes.post('/alerts/:id/test', async (c) => {
    requireWriter(c);
    await control.test(getAlertRule(store, sealer, c.req.param('id')));
    return c.json({ told: true });
  });
  return routes;
}

function requireReader(c: Context): Actor {
  requireRole(c, 'viewer');
  return requireAllSources(c);
}

function requireWriter(c: Context): Actor {
  requireRole(c, 'member');
  return requireAllSources(c);
}

/** What nearly everybody wants to know, ready to be sent back with channels. */
function suggestions(sources: readonly string[]) {
  const common = { channels: [], forMinutes: 1, repeatHours: 24, enabled: true };
  const each = sources.map((source) => ({
    ...common,
    name: `${source} is silent`,
    watch: { kind: 'silence', source, minutes: 30 },
  }));
  return [
    { ...common, name: 'Rejected events', watch: { kind: 'error-rate', share: 0.05, minutes: 10 } },
    { ...common, name: 'Dead letters', watch: { kind: 'dead-letters', above: 0 } },
    { ...common, name: 'Late delivery', watch: { kind: 'lag', seconds: 900 } },
    { ...common, name: 'Unknown keys', watch: { kind: 'unknown-keys', above: 100, minutes: 10 } },
    { ...common, name: 'Low disk', watch: { kind: 'disk', freeBytes: 10 * 2 ** 30 } },
    ...each,
  ];
}

function audit(
  store: Store,
  actor: Actor,
  action: string,
  before: AlertRule | null,
  after: AlertRule | null,
): void {
  const own = after ?? before;
  recordAudit(store, actor, {
    action,
    resource: { type: 'alert rule', id: own?.id ?? '', name: own?.name ?? '' },
    before: before && ruleView(before),
    after: after && ruleView(after),
  });
}
