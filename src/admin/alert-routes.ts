/** Alert rules, what fires now, and what people were told. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { alertRuleSchema } from '../operate/alerts/alert-rule-schema.ts';
import { ruleView } from '../operate/alerts/written-rule.ts';
import {
  addAlertRule,
  channelChecks,
  dropAlertRule,
  editAlertRule,
  suggestedRules,
} from '../operate/alerts/manage-alerts.ts';
import type { AlertsAnswer } from '../operate/alerts/alert-shapes.ts';
import type { RunningServer } from '../operate/running-server.ts';
import { getAlertRule, listAlertRules } from '../store/workspace/alert-rules.ts';
import type { Actor } from '../store/people/people-shapes.ts';
import { listSources } from '../store/sources/sources.ts';
import { requireAllSources, requireRole } from './actor.ts';
import { parseBody } from './parse-body.ts';

type Server = Pick<RunningServer, 'store' | 'sealer' | 'net' | 'config' | 'alerts'>;

const PAST_SHOWN = 200;

/** Behind the guard. Alerts speak of all sources. */
export function alertRoutes(server: Server): Hono {
  const { store, sealer, alerts } = server;
  const { hasMail } = channelChecks(server);
  const routes = new Hono();
  routes.get('/alerts', (c) => {
    requireReader(c);
    const rules = listAlertRules(store, sealer).map((rule) => ({
      ...ruleView(rule),
      standing: alerts.standing(rule.id),
    }));
    const answer: AlertsAnswer = { rules, past: alerts.past(PAST_SHOWN), hasMail };
    return c.json(answer);
  });
  routes.get('/alerts/suggestions', (c) => {
    requireReader(c);
    return c.json(suggestedRules(listSources(store).map((source) => source.slug)));
  });
  routes.post('/alerts', async (c) => {
    const actor = requireWriter(c);
    return c.json(addAlertRule(server, await parseBody(c, alertRuleSchema), actor), 201);
  });
  routes.put('/alerts/:id', async (c) => {
    const actor = requireWriter(c);
    const { id } = c.req.param();
    getAlertRule(store, sealer, id);
    return c.json(editAlertRule(server, id, await parseBody(c, alertRuleSchema), actor));
  });
  routes.delete('/alerts/:id', (c) => {
    dropAlertRule(server, c.req.param('id'), requireWriter(c));
    return c.json({ deleted: true });
  });
  routes.post('/alerts/:id/test', async (c) => {
    requireWriter(c);
    await alerts.test(getAlertRule(store, sealer, c.req.param('id')));
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
