/** The server's metrics every few seconds, so that the differences of counters are rates. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { request } from './admin-api.ts';
import { parseMetrics } from './server-metrics.ts';
import type { Metrics } from './server-metrics.ts';

export interface Point {
  seconds: number;
  metrics: Metrics;
}

const EVERY_MS = 5_000;
/** Ten minutes. */
const POINTS_MAX = 120;

/** The points since the component is there, at most ten minutes of them. */
export function useMetrics(): { points: readonly Point[]; error: Error | undefined } {
  const points = useRef<Point[]>([]);
  const [error, setError] = useState<Error>();
  const [, draw] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const load = async (): Promise<void> => {
      if (document.visibilityState === 'hidden') return;
      try {
        const answer = await request('GET', '/metrics', undefined, stop.signal);
        const metrics = parseMetrics(await answer.text());
        points.current = [...points.current, { seconds: Date.now() / 1000, metrics }];
        points.current = points.current.slice(-POINTS_MAX);
        setError(undefined);
        draw((turn) => turn + 1);
      } catch (failure) {
        if (!stop.signal.aborted) setError(failure as Error);
      }
    };
    void load();
    const timer = setInterval(() => void load(), EVERY_MS);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return { points: points.current, error };
}

/** How much a counter grew each second between two points. */
export function rateOf(
  [before, after]: readonly [Point | undefined, Point | undefined],
  count: (metrics: Metrics) => number,
): number | null {
  if (!before || !after || after.seconds <= before.seconds) return null;
  // A counter that fell belongs to a server that started again.
  const grown = Math.max(0, count(after.metrics) - count(before.metrics));
  return grown / (after.seconds - before.seconds);
}
