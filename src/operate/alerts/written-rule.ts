/** Alert rules on the way in, with their secrets, and on the way out, without. */
import type { z } from 'zod';
import { MASK } from '../../base/mask.ts';
import { MillraceError } from '../../base/errors.ts';
import type { AlertRule, Channel } from '../../store/workspace/alert-rule-shapes.ts';
import type { alertRuleSchema } from './alert-rule-schema.ts';
import type { AlertRuleView } from './alert-shapes.ts';

export interface ChannelChecks {
  /** @throws MillraceError ADDRESS_REFUSED */
  checkUrl(url: string): void;
  hasMail: boolean;
}

/** As `alertRuleSchema` gives it. */
export type ParsedAlertRule = z.output<typeof alertRuleSchema>;

/**
 * @param known channels whose masked parts stay as they are.
 * @throws MillraceError INVALID_ARGUMENT, ADDRESS_REFUSED
 */
export function openedRule(
  { enabled, channels, ...rest }: ParsedAlertRule,
  known: readonly Channel[],
  checks: ChannelChecks,
): Omit<AlertRule, 'id'> {
  const opened = channels.map((channel, at) => unmasked(channel, known[at]));
  for (const [at, channel] of opened.entries()) {
    if (channel.type === 'email' && !checks.hasMail) {
      const message = `channels.${at}: alerts.smtp is not configured`;
      throw new MillraceError('INVALID_ARGUMENT', message, { field: `channels.${at}` });
    }
    if (channel.type !== 'email') checks.checkUrl(channel.url);
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

/** As it is shown: without secrets. */
export function ruleView({ isEnabled, channels, ...rest }: AlertRule): AlertRuleView {
  return { ...rest, enabled: isEnabled, channels: channels.map(masked) };
}

/** The address of a Slack channel is its password. */
function masked(channel: Channel): Channel {
  if (channel.type === 'slack') return { ...channel, url: MASK };
  if (channel.type === 'webhook') return { ...channel, secret: channel.secret && MASK };
  return channel;
}
