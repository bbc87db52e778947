/** What is known of something, a line each. */
import type { ComponentChildren } from 'preact';

/** False, null or undefined in the place of one: it does not apply. */
export type Fact = readonly [name: string, value: ComponentChildren];

export function Facts({ facts }: { facts: readonly (Fact | false | null | undefined)[] }) {
  return (
    <dl class="facts">
      {facts.flatMap((fact) =>
        fact ? [<dt key={fact[0]}>{fact[0]}</dt>, <dd key={`${fact[0]} is`}>{fact[1]}</dd>] : [],
      )}
    </dl>
  );
}
