/** Alert rules, what fires now, and what people were told. */
import { Hono } from 'hono';
import type { Context } from 'hono';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import {
  deleteAlertRule,
  getAlertRule,
  listAlertRules,
  saveAlertRule,
} from '../store/alert-rules.ts';
import type { AlertRule, Channel } from '../store/alert-rules.ts';
import { recordAudit } from '../store/audit.ts';
import type { Actor } from '../store/audit.ts';
import type { Sealer } from '../store/sealing.ts';
import { MASK } from '../store/secret-text.ts';
import { listSources } from '../store/sources.ts';
import { inStoreTransaction } from '../store/store.ts';
import type { Store } from '../store/store.ts';
import { requireAllSources, requireRole } from './actor.ts';
import { parseBody } from './parse-body.ts';

export interface AlertControl {
  store: Store;
  sealer: Sealer;
  standing(ruleId: string): { phase: string; sinceMs: number; text: string };
  past(limit: number): unknown[];
  test(rule: AlertRule): Promise<void>;
  /** @throws MillraceError ADDRESS_REFUSED */
  checkUrl(url: string): void;
  hasMail: boolean;
}

const PAST_SHOWN = 200;
const name = z.string().trim().min(1).max(200);
const slug = z.string().regex(/^[a-z0-9_-]{1,64}$/);
const minutes = z
  .int()
  .min(1)
  .max(24 * 60);
const above = z.int().min(0);
const watchSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error-rate'),
    source: slug.nullable().default(null),
    share: z.number().min(0).max(1),
    minutes,
  }),
  z.strictObject({ kind: z.literal('silence'), source: slug, minutes }),
  z.strictObject({ kind: z.literal('volume'), source: slug, factor: z.number().min(1.1).max(100) }),
  z.strictObject({
    kind: z.literal('rate-limited'),
    source: slug.nullable().default(null),
    above,
    minutes,
  }),
  z.strictObject({ kind: z.literal('unknown-keys'), above, minutes }),
  z.strictObject({
    kind: z.literal('dead-letters'),
    destination: slug.nullable().default(null),
    above,
  }),
  z.strictObject({
    kind: z.literal('lag'),
    destination: slug.nullable().default(null),
    seconds: z.int().min(1),
  }),
  z.strictObject({ kind: z.literal('disk'), freeBytes: z.int().min(1) }),
  z.strictObject({ kind: z.literal('canary'), minutes }),
]);
const url = z.url({ protocol: /^https?$/ }).max(2_000);
const channelSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('webhook'),
    url,
    secret: z.string().min(8).max(200).nullable().default(null),
  }),
  z.strictObject({ type: z.literal('slack'), url: z.union([url, z.literal(MASK)]) }),
  z.strictObject({ type: z.literal('email'), to: z.email().max(320) }),
]);
const ruleSchema = z.strictObject({
  name,
  watch: watchSchema,
  channels: z.array(channelSchema).max(10).default([]),
  forMinutes: z
    .int()
    .min(0)
    .max(24 * 60)
    .default(1),
  repeatHours: z
    .int()
    .min(1)
    .max(24 * 30)
    .default(24),
  enabled: z.boolean().default(true),
});

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
    const given = await ruleFrom(c, control, []);
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
    const given = await ruleFrom(c, control, before.channels);
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

/** @param known channels whose masked parts stay as they are. */
async function ruleFrom(
  c: Context,
  control: AlertControl,
  known: readonly Channel[],
): Promise<Omit<AlertRule, 'id'>> {
  const { enabled, channels, ...rest } = await parseBody(c, ruleSchema);
  const opened = channels.map((channel, at) => unmasked(channel, known[at]));
  for (const [at, channel] of opened.entries()) {
    if (channel.type === 'email' && !control.hasMail) {
      const message = `channels.${at}: alerts.smtp is not configured`;
      throw new MillraceError('INVALID_ARGUMENT', message, { field: `channels.${at}` });
    }
    if (channel.type !== 'email') control.checkUrl(channel.url);
  }
  return { ...rest, channels: opened, isEnabled: enabled };
}

/** What was shown masked and comes back so is what it was. */
function unmasked(channel: Channel, before: Channel | undefined): Channel {
  if (channel.type === 'webhook' && channel.secret === MASK && before?.type === 'webhook') {
    return { ...channel, secret: before.secret };
  }
  if (channel.type === 'slack' && channel.url === MASK && before?.type === 'slack') return before;
  return channel;
}

function ruleView({ isEnabled, channels, ...rest }: AlertRule) {
  return { ...rest, enabled: isEnabled, channels: channels.map(masked) };
}

/** The address of a Slack channel is its password. */
function masked(channel: Channel): Channel {
  if (channel.type === 'slack') return { ...channel, url: MASK };
  if (channel.type === 'webhook') return { ...channel, secret: channel.secret && MASK };
  return channel;
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
