/** Waits for the first event of a source, and says when it is there. */
import { useEffect, useState } from 'preact/hooks';
import { send } from '../../api.ts';
import { time } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { href } from '../../router.ts';

const POLL_MS = 1_000;

interface Answer {
  rows: [receivedAt: string, name: string, messageId: string][];
}

export function FirstEvent({ slug }: { slug: string }) {
  const [found, setFound] = useState<Answer['rows'][0] | null>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let isOver = false;
    const look = async (): Promise<void> => {
      try {
        // Slugs are letters, digits, _ and -: nothing that ends a text of SQL.
        const sql = `select received_at, coalesce(event, type), message_id from events
          where source = '${slug}' order by received_at desc limit 1`;
        const { rows } = await send<Answer>('POST', '/sql', { sql });
        if (isOver) return;
        setFound(rows[0] ?? null);
        if (rows[0]) return;
      } catch {
        // Asked again below; what is wrong with the server is said elsewhere on the page.
      }
      if (!isOver) timer = setTimeout(() => void look(), POLL_MS);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [slug]);
  if (found === undefined) return null;
  return (
    <p role="status">
      {found ? (
        <>
          <Badge tone="good">Events arrive</Badge> the latest, {found[1]}, at {time(found[0])} (
          <a href={href(`/trace/${encodeURIComponent(found[2])}`)}>trace</a>)
        </>
      ) : (
        <>
          <Badge tone="warn">Waiting for the first event</Badge> paste a snippet into your app, or
          the curl into a terminal.
        </>
      )}
    </p>
  );
}
