/** Email and password; or, from a link that works once, a name and a new password. */
import { useEffect, useState } from 'preact/hooks';
import { get, loadMe, send } from '../../admin-api.ts';
import { useLoaded, useTask } from '../../use-loaded.ts';
import { Field } from '../../parts/field.tsx';
import { Problem } from '../../parts/problem.tsx';
import { href, place } from '../../page-router.ts';
import './sign-in-view.css';

interface Invited {
  email: string | null;
  role: string;
  isNewPassword: boolean;
}

interface Props {
  invitation: string | null;
  /** Why what a link brought was not taken. */
  refused?: Error | undefined;
}

export function SignIn({ invitation, refused }: Props) {
  return (
    <main class="sign-in">
      <h1>Millrace</h1>
      <Problem error={refused} />
      {invitation === null ? <Password /> : <Accept invitation={invitation} />}
    </main>
  );
}

function Password() {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const task = useTask();
  const methods =
    useLoaded<{ type: string; name?: string; url?: string }[]>('/admin/sign-in-methods');
  const elsewhere = methods.data?.filter(({ type }) => type === 'oidc') ?? [];
  const signIn = (event: Event): void => {
    event.preventDefault();
    void task.run(async () => {
      await send('POST', '/admin/sign-in', { email, password });
      await loadMe();
    });
  };
  return (
    <form class="card fields" onSubmit={signIn}>
      <Problem error={task.error} />
      <Field label="Email">
        {(own) => (
          <input
            {...own}
            type="email"
            autocomplete="username"
            required
            value={email}
            onInput={(event) => setEmail(event.currentTarget.value)}
          />
        )}
      </Field>
      <Field label="Password">
        {(own) => (
          <input
            {...own}
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" disabled={task.isRunning}>
        Sign in
      </button>
      {elsewhere.map(({ name, url }) => (
        <a key={url} class="button quiet" href={`${url}?to=${encodeURIComponent(here())}`}>
          Sign in with {name}
        </a>
      ))}
      <p class="muted">
        No account yet? Whoever runs this Millrace makes a link:{' '}
        <code>npx millrace users invite you@example.com</code>
      </p>
    </form>
  );
}

/** Where somebody who comes back from elsewhere goes on. */
function here(): string {
  const { path, query } = place.value;
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function Accept({ invitation }: { invitation: string }) {
  const [invited, setInvited] = useState<Invited>();
  const [given, setGiven] = useState({ email: '', name: '', password: '' });
  const task = useTask();
  useEffect(() => {
    void task.run(async () => {
      setInvited(await get<Invited>(`/admin/invitations/${invitation}`));
    });
  }, [invitation]);
  const accept = (event: Event): void => {
    event.preventDefault();
    void task.run(async () => {
      const { email, name, password } = given;
      await send('POST', '/admin/invitations/accept', {
        invitation,
        password,
        ...(!invited?.isNewPassword && { name: name || email || undefined }),
        ...(invited?.email === null && { email }),
      });
      await loadMe();
    });
  };
  const set = (change: Partial<typeof given>): void => setGiven({ ...given, ...change });
  if (!invited) {
    return (
      <>
        <Problem error={task.error} />
        {task.error && <a href={href('/')}>Sign in</a>}
      </>
    );
  }
  return (
    <form class="card fields" onSubmit={accept}>
      <p>
        {invited.isNewPassword
          ? `A new password for ${invited.email}.`
          : `You will be ${invited.role} of this Millrace.`}
      </p>
      <Problem error={task.error} />
      {invited.email === null && (
        <Field label="Email">
          {(own) => (
            <input
              {...own}
              type="email"
              autocomplete="username"
              required
              value={given.email}
              onInput={(event) => set({ email: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      {!invited.isNewPassword && (
        <Field label="Name">
          {(own) => (
            <input
              {...own}
              autocomplete="name"
              value={given.name}
              onInput={(event) => set({ name: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <Field label="Password" help="At least 10 characters; a few words are easy to remember.">
        {(own) => (
          <input
            {...own}
            type="password"
            autocomplete="new-password"
            required
            minLength={10}
            value={given.password}
            onInput={(event) => set({ password: event.currentTarget.value })}
          />
        )}
      </Field>
      <button type="submit" disabled={task.isRunning}>
        {invited.isNewPassword ? 'Set password' : 'Create account'}
      </button>
    </form>
  );
}
