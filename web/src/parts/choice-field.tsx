/** A labelled choice of one of a few. */
import type { ComponentChildren } from 'preact';
import { Field } from './field.tsx';

/** A value that is its own text, or with one for people. */
export type Choice<Value extends string> = Value | readonly [value: Value, text: string];

interface Props<Value extends string> {
  label: string;
  help?: ComponentChildren;
  value: Value;
  choices: readonly Choice<Value>[];
  onChange(value: NoInfer<Value>): void;
}

export function ChoiceField<Value extends string>(props: Props<Value>) {
  const { label, help, value, choices, onChange } = props;
  const options = choices.map((choice) => (typeof choice === 'string' ? [choice, choice] : choice));
  return (
    <Field label={label} help={help}>
      {(own) => (
        <select
          {...own}
          value={value}
          // Only what stands below can be chosen.
          onChange={(event) => onChange(event.currentTarget.value as Value)}
        >
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
