/** Asks for what comes after the rows that are shown. */
interface Props {
  shown: number;
  /** What they are: `dead letters`. */
  what: string;
  hasMore: boolean;
  onMore(): void;
}

export function Pager({ shown, what, hasMore, onMore }: Props) {
  return (
    <p class="actions">
      <span class="muted">
        {shown} {what}
        {hasMore ? ' shown' : ''}
      </span>
      {hasMore && (
        <button type="button" class="quiet" onClick={onMore}>
          Show more
        </button>
      )}
    </p>
  );
}
