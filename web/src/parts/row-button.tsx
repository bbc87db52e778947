/** A button in a row of a table. People who do not see the row hear what it is for. */
interface Props {
  text: string;
  /** Of this row: `ada@example.com`, or `for ada@example.com`. */
  of: string;
  isDangerous?: boolean;
  disabled?: boolean;
  onClick(): void;
}

export function RowButton({ text, of, isDangerous = false, disabled = false, onClick }: Props) {
  return (
    <button
      type="button"
      class={isDangerous ? 'danger' : 'quiet'}
      aria-label={`${text} ${of}`}
      disabled={disabled}
      onClick={onClick}
    >
      {text}
    </button>
  );
}
