/** Filters that stand in the address, so that what one sees can be sent to somebody. */
import type { ComponentChildren } from 'preact';
import { place, setQuery } from '../page-router.ts';
import { ChoiceField } from './choice-field.tsx';
import type { Choice } from './choice-field.tsx';
import { TextField } from './text-field.tsx';

/** The fields in a row. There is nothing to send: each works as it is changed. */
export function AddressForm({ children }: { children: ComponentChildren }) {
  return (
    <form class="inline" role="search" onSubmit={(event) => event.preventDefault()}>
      {children}
    </form>
  );
}

interface TextProps {
  /** Of the parameter. */
  name: string;
  label: string;
  /** What can be looked for. */
  hint: string;
  size?: number;
}

/** Says nothing in the address as long as it is empty. */
export function AddressText({ name, label, hint, size }: TextProps) {
  return (
    <TextField
      label={label}
      type="search"
      size={size}
      placeholder={hint}
      value={place.value.query.get(name) ?? ''}
      onChange={(text) => setQuery({ [name]: text })}
    />
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  /** What is chosen as long as the address does not say. */
  standard: string;
  choices: readonly Choice<string>[];
}

/** One of a few, by a parameter of the address. */
export function AddressChoice({ name, label, standard, choices }: ChoiceProps) {
  return (
    <ChoiceField
      label={label}
      value={place.value.query.get(name) ?? standard}
      choices={choices}
      onChange={(value) => setQuery({ [name]: value })}
    />
  );
}
