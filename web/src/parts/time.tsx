/** A moment: how long ago, with the time itself to the mouse, to screen readers and to copying. */
import { ago, time } from '../format.ts';

interface Props {
  /** Milliseconds since 1970, or ISO; null: never. */
  value: number | string | null | undefined;
  /** Shows the time instead of how long ago it was. */
  isExact?: boolean;
}

export function Time({ value, isExact = false }: Props) {
  if (value === null || value === undefined || value === '') return <>never</>;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return <>{String(value)}</>;
  return (
    <time dateTime={date.toISOString()} title={time(value)}>
      {isExact ? time(value) : ago(value)}
    </time>
  );
}
