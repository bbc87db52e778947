/** How the dashboard looks in this browser. */
import { useState } from 'preact/hooks';
import { Section } from '../../parts/page.tsx';
import { chooseTheme, chosenTheme, theme } from '../../theme.ts';

const CHOICES = [
  ['', 'As the system says'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const;

/** The tab of the theme. */
export function Look() {
  const [chosen, setChosen] = useState(chosenTheme() ?? '');
  return (
    <Section title="Look">
      <fieldset>
        <legend>Theme, in this browser (now {theme.value})</legend>
        {CHOICES.map(([value, text]) => (
          <label key={value} class="settings-choice">
            <input
              type="radio"
              name="theme"
              checked={chosen === value}
              onChange={() => {
                chooseTheme(value === '' ? null : value);
                setChosen(value);
              }}
            />{' '}
            {text}
          </label>
        ))}
      </fieldset>
    </Section>
  );
}
