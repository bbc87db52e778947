/** A labelled line of text; what else an input can be told is handed on to it. */
import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { Field } from './field.tsx';

type Attributes = Omit<InputHTMLAttributes<HTMLInputElement>, 'value' | 'label' | 'onChange'>;

interface Props extends Attributes {
  label: string;
  help?: ComponentChildren;
  problem?: string | undefined;
  value: string;
  /** With each letter. */
  onChange(text: string): void;
}

export function TextField({ label, help, problem, onChange, ...attributes }: Props) {
  return (
    <Field label={label} help={help} problem={problem}>
      {(own) => (
        <input {...attributes} {...own} onInput={(event) => onChange(event.currentTarget.value)} />
      )}
    </Field>
  );
}
