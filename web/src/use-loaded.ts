/** Data of the server as signals of a component: loaded, loaded again, and what went wrong. */
import { useEffect, useState } from 'preact/hooks';
import { get } from './admin-api.ts';

export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined;
  reload(): void;
}

/**
 * Loads a path, again when it changes, and every `everyMs` while the page is seen. Keeps the last
 * data while it loads again.
 */
export function useLoaded<T>(path: string | null, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: Error }>({ path });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    const load = async (): Promise<void> => {
      try {
        const data = await get<T>(path, stop.signal);
        setState({ path, data });
      } catch (error) {
        if (stop.signal.aborted) return;
        const known = error instanceof Error ? error : new Error(String(error));
        setState((before) => ({ ...(before.path === path && before), path, error: known }));
      }
    };
    void load();
    const timer =
      everyMs > 0
        ? setInterval(() => {
            if (document.visibilityState === 'visible') void load();
          }, everyMs)
        : undefined;
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [path, turn, everyMs]);
  const isOwn = state.path === path;
  return {
    data: isOwn ? state.data : undefined,
    error: isOwn ? state.error : undefined,
    reload: () => setTurn((before) => before + 1),
  };
}
