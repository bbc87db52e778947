/** Whether somebody has signed in at the service of a destination, and the way there. */
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { Problem } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { useChange } from '../../use-change.ts';
import { beginAuthorization } from './authorization.ts';

interface Props {
  destination: ListedDestination;
  onChange(): void;
}

export function Authorization({ destination, onChange }: Props) {
  const { slug, name, authorization } = destination;
  const change = useChange(onChange);
  const begin = (): void => change.make(() => beginAuthorization(slug));
  const end = (): void => {
    const path = `/admin/destinations/${slug}/authorization`;
    const ask = `Forget the tokens of ${name}? Its events wait until somebody signs in again.`;
    change.make(() => send('DELETE', path), { ask, done: 'Forgotten' });
  };
  return (
    <div class="d-authorization">
      <Problem error={change.error} />
      {authorization ? (
        <p>
          {authorization.authorizedBy} signed in at the service{' '}
          <Time value={authorization.authorizedAt} />.
        </p>
      ) : (
        <p>Nobody has signed in at the service from here.</p>
      )}
      {may('member') && (
        <p class="d-buttons">
          <button type="button" disabled={change.isRunning} onClick={begin}>
            {authorization ? 'Sign in again' : 'Sign in at the service'}
          </button>
          {authorization && (
            <button type="button" class="danger" disabled={change.isRunning} onClick={end}>
              Forget the tokens
            </button>
          )}
        </p>
      )}
    </div>
  );
}
