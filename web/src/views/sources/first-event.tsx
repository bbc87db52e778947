/** Waits for the first event of a source, and says when it is there. */
import { useState } from 'preact/hooks';
import type { LatestEventAnswer } from '../../../../src/operate/sources/source-shapes.ts';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { tracePath } from '../../view-paths.ts';

const WAITING_MS = 1_000;
/** Once they arrive, the latest is only a sign of life. */
const ARRIVING_MS = 10_000;

export function FirstEvent({ slug }: { slug: string }) {
  const [hasArrived, setArrived] = useState(false);
  const path = `/admin/sources/${slug}/latest-event`;
  const { data, error } = useLoaded<LatestEventAnswer>(path, hasArrived ? ARRIVING_MS : WAITING_MS);
  const latest = data?.latest;
  if (latest && !hasArrived) setArrived(true);
  return (
    <div role="status" class={latest ? 'arrival arrived' : 'arrival'}>
      {!data && <Problem error={error} />}
      {data && !latest && (
        <>
          <Badge tone="warn">Waiting for the first event</Badge> Paste a snippet into your app, or
          the curl into a terminal.
        </>
      )}
      {latest && (
        <>
          <Badge tone="good">Events arrive</Badge> Latest: <strong>{latest.name}</strong>,{' '}
          <Time value={latest.receivedAt} />
          {latest.messageId !== null && (
            <>
              {' '}
              (<a href={href(tracePath(latest.messageId))}>trace</a>)
            </>
          )}
        </>
      )}
    </div>
  );
}
