/** What somebody should look at first, from what the server says of itself. */
import { bytes, duration, shortCount } from '../../format.ts';
import { bySource, total } from './metrics.ts';
import type { Metrics } from './metrics.ts';

export interface Status {
  version: string;
  sources: { slug: string; name: string; enabled: boolean }[];
}

export interface DestinationRow {
  slug: string;
  name: string;
  state: string;
  status: {
    failure: string | null;
    breaker: string;
    delivered: number;
    filtered: Record<string, number>;
    deadLetters: number;
    live: { lagSeconds: number } | null;
  } | null;
}

export interface Item {
  tone: 'bad' | 'warn';
  text: string;
  /** Where to look. */
  path: string;
}

const LAG_SECONDS = 300;
const REJECTED_SHARE = 0.01;
const FREE_BYTES = 5 * 2 ** 30;

/** The worst first. */
export function attention(given: {
  metrics: Metrics;
  status: Status;
  destinations: readonly DestinationRow[];
}): Item[] {
  const { metrics, status, destinations } = given;
  const items: Item[] = [];
  const free = total(metrics, 'millrace_disk_free_bytes');
  if (free < FREE_BYTES) {
    items.push({ tone: 'bad', text: `Only ${bytes(free)} are free on the disk`, path: '/' });
  }
  const alarms = total(metrics, 'millrace_log_alarms_total');
  if (alarms > 0) items.push({ tone: 'bad', text: `${alarms} alarms of the log`, path: '/' });
  for (const destination of destinations) items.push(...ofDestination(destination));
  const received = bySource(metrics, 'millrace_events_received_total');
  const rejected = bySource(metrics, 'millrace_events_rejected_total');
  for (const { slug, name, enabled } of status.sources) {
    const own = rejected.get(slug) ?? 0;
    if (own > 0 && own >= (received.get(slug) ?? 0) * REJECTED_SHARE) {
      const text = `${shortCount(own)} events of ${name} were rejected`;
      items.push({ tone: 'warn', text, path: `/live?source=${slug}&status=rejected` });
    }
    if (enabled && !received.has(slug)) {
      const text = `${name} has sent nothing since this server started`;
      items.push({ tone: 'warn', text, path: `/sources/${slug}` });
    }
  }
  return items.toSorted((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function ofDestination({ slug, name, status }: DestinationRow): Item[] {
  if (!status) return [];
  const path = `/destinations/${slug}`;
  const items: Item[] = [];
  const { failure, breaker, deadLetters, live } = status;
  if (failure !== null) items.push({ tone: 'bad', text: `${name} cannot run: ${failure}`, path });
  if (breaker === 'open') {
    items.push({ tone: 'bad', text: `${name} is not reachable; its events wait`, path });
  }
  if (deadLetters > 0) {
    const text = `${name} has ${shortCount(deadLetters)} dead letters`;
    items.push({ tone: 'warn', text, path: `${path}/dead-letters` });
  }
  const lag = live?.lagSeconds ?? 0;
  if (lag > LAG_SECONDS) {
    items.push({ tone: 'warn', text: `${name} is ${duration(lag * 1000)} behind`, path });
  }
  return items;
}
