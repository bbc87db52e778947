/** Alert rules: checked, made, changed and deleted with an entry in the audit log. */
import { deleteAlertRule, getAlertRule, saveAlertRule } from '../../store/workspace/alert-rules.ts';
import type { AlertRule } from '../../store/workspace/alert-rule-shapes.ts';
import { recordAudit } from '../../store/people/audit.ts';
import type { Actor } from '../../store/people/people-shapes.ts';
import { inStoreTransaction } from '../../store/store.ts';
import type { Store } from '../../store/store.ts';
import type { ServerParts } from '../server-parts.ts';
import type { AlertRuleView, WrittenAlertRule } from './alert-shapes.ts';
import { openedRule, ruleView } from './written-rule.ts';
import type { ChannelChecks, ParsedAlertRule } from './written-rule.ts';

type Server = Pick<ServerParts, 'store' | 'sealer' | 'net' | 'config'>;

/** @throws MillraceError INVALID_ARGUMENT, ADDRESS_REFUSED */
export function addAlertRule(
  server: Server,
  written: ParsedAlertRule,
  actor: Actor,
): AlertRuleView {
  const { store, sealer } = server;
  const given = openedRule(written, [], channelChecks(server));
  return inStoreTransaction(store, () => {
    const rule = saveAlertRule(store, sealer, given);
    audit(store, actor, 'Alert Rule Created', null, rule);
    return ruleView(rule);
  });
}

/** @throws MillraceError NOT_FOUND, and as addAlertRule */
export function editAlertRule(
  server: Server,
  id: string,
  written: ParsedAlertRule,
  actor: Actor,
): AlertRuleView {
  const { store, sealer } = server;
  const before = getAlertRule(store, sealer, id);
  const given = openedRule(written, before.channels, channelChecks(server));
  return inStoreTransaction(store, () => {
    const rule = saveAlertRule(store, sealer, { ...given, id: before.id });
    audit(store, actor, 'Alert Rule Modified', before, rule);
    return ruleView(rule);
  });
}

/** @throws MillraceError NOT_FOUND */
export function dropAlertRule({ store, sealer }: Server, id: string, actor: Actor): void {
  inStoreTransaction(store, () => {
    const rule = deleteAlertRule(store, sealer, id);
    audit(store, actor, 'Alert Rule Deleted', rule, null);
  });
}

/** What this server can reach people by. */
export function channelChecks({ net, config }: Pick<Server, 'net' | 'config'>): ChannelChecks {
  return { checkUrl: (url) => net.checkUrl(url), hasMail: config.alerts.smtp !== null };
}

/** What nearly everybody wants to know, ready to be sent back with channels. */
export function suggestedRules(sources: readonly string[]): WrittenAlertRule[] {
  const common = { channels: [], forMinutes: 1, repeatHours: 24, enabled: true };
  const each = sources.map((source): WrittenAlertRule => ({
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
