/** Where people come back to from the service of a destination. */
import { useEffect, useState } from 'preact/hooks';
import { go, href } from '../../page-router.ts';
import { Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { say } from '../../parts/toast.tsx';
import { finishAuthorization } from './authorization.ts';

export function Authorized() {
  const [error, setError] = useState<Error>();
  // Once: a code is good for one time.
  useEffect(() => {
    finishAuthorization(window.location.search)
      .then((slug) => {
        say('Signed in at the service; its events go on');
        go(`/destinations/${slug}`, { replace: true });
      })
      .catch(setError);
  }, []);
  return (
    <Page title="Signing in at the service">
      <Problem error={error} />
      {error ? <a href={href('/destinations')}>Back to the destinations</a> : <p>One moment…</p>}
    </Page>
  );
}
