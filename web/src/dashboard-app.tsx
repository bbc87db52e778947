/** The frame around every view: who is signed in, where one can go, and the view itself. */
import { useEffect, useErrorBoundary, useState } from 'preact/hooks';
import type { ComponentType } from 'preact';
import type { SentTokenSignIn } from '../../src/admin/sent-shapes.ts';
import { loadMe, me, request, send } from './admin-api.ts';
import { href, match, onLinkClick, place } from './page-router.ts';
import type { ViewProps } from './page-router.ts';
import { Problem } from './parts/problem.tsx';
import { Toasts } from './parts/toast.tsx';
import { theme, toggleTheme } from './theme.ts';
import { VIEWS } from './view-list.ts';
import type { View } from './view-list.ts';
import { SignIn } from './views/sign-in/sign-in-view.tsx';

export function App() {
  const [{ token, invitation }] = useState(takeFragment);
  const [failure, setFailure] = useState<Error | undefined>();
  const [refused, setRefused] = useState<Error | undefined>();
  useEffect(() => {
    const begin = async (): Promise<void> => {
      if (token !== null) {
        await send('POST', '/admin/sign-in/token', { token } satisfies SentTokenSignIn).catch(
          setRefused,
        );
      }
      await loadMe();
    };
    begin().catch(setFailure);
  }, []);
  if (failure) return <Problem error={failure} />;
  if (invitation !== null && !me.value) return <SignIn invitation={invitation} />;
  if (me.value === undefined) return <p class="loading">Loading…</p>;
  if (me.value === null) return <SignIn invitation={null} refused={refused} />;
  return <Frame />;
}

interface Brought {
  token: string | null;
  invitation: string | null;
}

/** A link brings a token or an invitation after `#`, which browsers do not send to servers. */
function takeFragment(): Brought {
  const [, name, value] = /^#(token|invitation)=([\w-]+)$/.exec(window.location.hash) ?? [];
  if (value === undefined) return { token: null, invitation: null };
  window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return {
    token: name === 'token' ? value : null,
    invitation: name === 'invitation' ? value : null,
  };
}

function Frame() {
  const [isOpen, setOpen] = useState(false);
  const otherTheme = theme.value === 'dark' ? 'Light theme' : 'Dark theme';
  const found = findView(place.value.path);
  useEffect(() => setOpen(false), [place.value.path]);
  return (
    <div class="frame" onClick={onLinkClick}>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="bar">
        <a class="brand" href={href('/')}>
          Millrace
        </a>
        <button
          type="button"
          class="menu"
          aria-expanded={isOpen}
          aria-controls="views"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
        <nav id="views" class={isOpen ? 'views open' : 'views'} aria-label="Views">
          {VIEWS.filter(({ isUnlisted }) => !isUnlisted).map(({ name, title, paths }) => (
            <a
              key={name}
              href={href(paths[0] ?? '/')}
              aria-current={found?.view.name === name ? 'page' : undefined}
            >
              {title}
            </a>
          ))}
          <span class="who">
            <button
              type="button"
              class="quiet"
              title={otherTheme}
              aria-label={otherTheme}
              onClick={toggleTheme}
            >
              <span aria-hidden="true">◐</span>
            </button>
            <span title={`role: ${me.value?.role}`}>{me.value?.name}</span>
            <button type="button" class="quiet" onClick={() => void signOut()}>
              Sign out
            </button>
          </span>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {found ? <Shown view={found.view} params={found.params} /> : <h1>There is no such page</h1>}
      </main>
      <Toasts />
    </div>
  );
}

function Shown({ view, params }: { view: View; params: Record<string, string> }) {
  const [loaded, setLoaded] = useState<{ name: string; Component: ComponentType<ViewProps> }>();
  const [failure, setFailure] = useState<Error>();
  const [broken, mend] = useErrorBoundary();
  const path = place.value.path;
  useEffect(() => {
    let isCurrent = true;
    setFailure(undefined);
    mend();
    view
      .load()
      .then((Component) => isCurrent && setLoaded({ name: view.name, Component }))
      .catch(setFailure);
    return () => {
      isCurrent = false;
    };
  }, [view]);
  useEffect(() => {
    document.title = `${view.title} · Millrace`;
    // People who do not see the page change hear where they are now.
    if (loaded?.name === view.name) document.querySelector<HTMLElement>('main h1')?.focus();
  }, [path, loaded, view]);
  if (failure ?? broken) return <Broken error={failure ?? (broken as Error)} />;
  if (loaded?.name !== view.name) return <p class="loading">Loading…</p>;
  return <loaded.Component params={params} />;
}

/** A view that cannot be loaded (the server is away, or has a newer one) or that failed. */
function Broken({ error }: { error: Error }) {
  return (
    <div class="page">
      <h1 tabIndex={-1}>This view does not work</h1>
      <Problem error={error} />
      <div>
        <button type="button" onClick={() => window.location.reload()}>
          Load it again
        </button>
      </div>
    </div>
  );
}

function findView(path: string): { view: View; params: Record<string, string> } | null {
  for (const view of VIEWS) {
    for (const pattern of view.paths) {
      const params = match(pattern, path);
      if (params) return { view, params };
    }
  }
  return null;
}

async function signOut(): Promise<void> {
  await request('POST', '/admin/sign-out').catch(() => undefined);
  me.value = null;
}
