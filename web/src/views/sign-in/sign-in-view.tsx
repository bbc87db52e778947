/** Email and password; or, from a link that works once, a name and a new password. */
import { useState } from 'preact/hooks';
import type { SentAccept, SentSignIn } from '../../../../src/admin/sent-shapes.ts';
import type { Invited, SignInMethod } from '../../../../src/operate/accounts/account-shapes.ts';
import { loadMe, send } from '../../admin-api.ts';
import { href, place } from '../../page-router.ts';
import { Problem } from '../../parts/problem.tsx';
import { TaskForm } from '../../parts/task-form.tsx';
import { TextField } from '../../parts/text-field.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { useTask } from '../../use-task.ts';
import './sign-in-view.css';

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
  const methods = useLoaded<SignInMethod[]>('/admin/sign-in-methods');
  const elsewhere = methods.data?.filter((method) => method.type === 'oidc') ?? [];
  const signIn = async (): Promise<void> => {
    await send('POST', '/admin/sign-in', { email, password } satisfies SentSignIn);
    await loadMe();
  };
  return (
    <div class="card">
      <TaskForm task={task} label="Sign in" onSubmit={signIn}>
        <EmailField value={email} onChange={setEmail} />
        <TextField
          label="Password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onChange={setPassword}
        />
      </TaskForm>
      {elsewhere.map(({ name, url }) => (
        <a key={url} class="button quiet" href={`${url}?to=${encodeURIComponent(here())}`}>
          Sign in with {name}
        </a>
      ))}
      <p class="muted">
        No account yet? Whoever runs this Millrace makes a link:{' '}
        <code>npx millrace users invite you@example.com</code>
      </p>
    </div>
  );
}

function EmailField({ value, onChange }: { value: string; onChange(email: string): void }) {
  const attributes = { type: 'email', autocomplete: 'username', required: true };
  return <TextField label="Email" {...attributes} value={value} onChange={onChange} />;
}

/** Where somebody who comes back from elsewhere goes on. */
function here(): string {
  const { path, query } = place.value;
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function Accept({ invitation }: { invitation: string }) {
  const { data, error } = useLoaded<Invited>(`/admin/invitations/${invitation}`);
  if (data) return <NewAccount invitation={invitation} invited={data} />;
  return (
    <>
      <Problem error={error} />
      {error && <a href={href('/')}>Sign in</a>}
    </>
  );
}

function NewAccount({ invitation, invited }: { invitation: string; invited: Invited }) {
  const [given, setGiven] = useState({ email: '', name: '', password: '' });
  const task = useTask();
  const set = (change: Partial<typeof given>): void => setGiven({ ...given, ...change });
  const accept = async (): Promise<void> => {
    const { email, name, password } = given;
    const body: SentAccept = {
      invitation,
      password,
      ...(!invited.isNewPassword && { name: name || email || undefined }),
      ...(invited.email === null && { email }),
    };
    await send('POST', '/admin/invitations/accept', body);
    await loadMe();
  };
  const label = invited.isNewPassword ? 'Set password' : 'Create account';
  return (
    <div class="card">
      <TaskForm task={task} label={label} onSubmit={accept}>
        <p>
          {invited.isNewPassword
            ? `A new password for ${invited.email}.`
            : `You will be ${invited.role} of this Millrace.`}
        </p>
        {invited.email === null && (
          <EmailField value={given.email} onChange={(email) => set({ email })} />
        )}
        {!invited.isNewPassword && (
          <TextField
            label="Name"
            autocomplete="name"
            value={given.name}
            onChange={(name) => set({ name })}
          />
        )}
        <TextField
          label="Password"
          help="At least 10 characters; a few words are easy to remember."
          type="password"
          autocomplete="new-password"
          required
          minLength={10}
          value={given.password}
          onChange={(password) => set({ password })}
        />
      </TaskForm>
    </div>
  );
}
