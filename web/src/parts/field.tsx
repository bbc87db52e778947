/** A labelled input with its description and what is wrong with it. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface Props {
  label: string;
  help?: ComponentChildren;
  problem?: string | undefined;
  /** Gets the attributes that tie the input to its label and texts. */
  children(attributes: {
    id: string;
    'aria-describedby': string;
    'aria-invalid': boolean;
  }): ComponentChildren;
}

export function Field({ label, help, problem, children }: Props) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': about, 'aria-invalid': problem !== undefined })}
      <div id={about} class="about">
        {help !== undefined && <span>{help}</span>}
        {problem !== undefined && (
          <span class="problem" role="alert">
            {problem}
          </span>
        )}
      </div>
    </div>
  );
}
