/** Text to be pasted somewhere, with a button that copies it. */
import { say } from './toast.tsx';

interface Props {
  text: string;
  /** What it is: `Copy the write key`. */
  label: string;
}

export function Code({ text, label }: Props) {
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} label={`Copy ${label}`} />
    </div>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text, label }: Props) {
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    say('Copied');
  };
  return (
    <button type="button" class="quiet" aria-label={label} onClick={() => void copy()}>
      Copy
    </button>
  );
}
