/** A state in a word, with a colour that is never the only sign. */
import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'bad' | 'warn' | 'plain';

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** Of what can be switched off. */
export function EnabledBadge({ isEnabled }: { isEnabled: boolean }) {
  return <Badge tone={isEnabled ? 'good' : 'warn'}>{isEnabled ? 'enabled' : 'disabled'}</Badge>;
}
