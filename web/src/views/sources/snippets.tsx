/** What to paste into an app, with the real key and host. */
import { useState } from 'preact/hooks';
import { Code } from '../../parts/code.tsx';
import { SNIPPETS } from './snippet-texts.ts';

const PLACEHOLDER = 'YOUR_WRITE_KEY';

export function Snippets({ writeKey, host }: { writeKey: string | undefined; host: string }) {
  const [chosen, setChosen] = useState('Web');
  const own = SNIPPETS.find(({ name }) => name === chosen) ?? SNIPPETS[0];
  return (
    <>
      <div class="actions" role="group" aria-label="Language">
        {SNIPPETS.map(({ name }) => (
          <button
            key={name}
            type="button"
            class={name === chosen ? '' : 'quiet'}
            aria-pressed={name === chosen}
            onClick={() => setChosen(name)}
          >
            {name}
          </button>
        ))}
      </div>
      {writeKey === undefined && (
        <p class="muted">
          Put a write key in the place of {PLACEHOLDER}. Keys are shown once, when they are made; if
          nobody has one, make a new one below.
        </p>
      )}
      {own && <Code text={own.text(writeKey ?? PLACEHOLDER, host)} label={`${own.name} snippet`} />}
    </>
  );
}
