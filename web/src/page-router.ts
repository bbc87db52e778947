/** Addresses of views: everything below `/app`, kept in one signal. */
import { signal } from '@preact/signals';

const BASE = '/app';

export interface Place {
  /** Below `/app`, beginning with a slash. */
  path: string;
  query: URLSearchParams;
}

/** What a view is shown with. */
export interface ViewProps {
  /** Parts of the path, by the names of the view's patterns. */
  params: Readonly<Record<string, string>>;
}

export const place = signal<Place>(read());

function read(): Place {
  const { pathname, search } = window.location;
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : '/';
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) };
}

window.addEventListener('popstate', () => {
  place.value = read();
});

/** The address of a path below `/app`. */
export function href(path: string): string {
  return BASE + path;
}

export function go(path: string, options: { replace?: boolean } = {}): void {
  if (options.replace) window.history.replaceState(null, '', href(path));
  else window.history.pushState(null, '', href(path));
  place.value = read();
}

/** Changes parameters of the address without a new entry in the history; null removes one. */
export function setQuery(change: Record<string, string | null>): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(change)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(place.value.path + (text === '' ? '' : `?${text}`), { replace: true });
}

/** Parts of the path by the names in the pattern (`/sources/:slug`), or null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (given.length > wanted.length) return null;
  const found: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const own = given[at];
    if (part.startsWith(':')) {
      if (own === undefined && !part.endsWith('?')) return null;
      if (own !== undefined) found[part.replace(/^:|\?$/g, '')] = decoded(own);
    } else if (part !== own) return null;
  }
  return found;
}

/** As it stands when somebody typed a `%` that means nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Our own links change the view; those with a modifier, or to other places, are the browser's. */
export function onLinkClick(event: MouseEvent): void {
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  const target = link?.getAttribute('href');
  if (!isPlain || !link || link.target !== '' || link.hasAttribute('download')) return;
  if (!target?.startsWith(`${BASE}/`)) return;
  event.preventDefault();
  go(target.slice(BASE.length));
}
