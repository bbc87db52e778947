/** What somebody should look at first, from what the server says of itself. */
import type { StandingRule } from '../../../../src/operate/alerts/alert-shapes.ts';
import type { ListedDestination } from '../../../../src/operate/destinations/destination-shapes.ts';
import type { OverviewAnswer } from '../../../../src/operate/overview/overview-shapes.ts';
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { bytes, duration, shortCount } from '../../format.ts';
import { total } from '../../server-metrics.ts';
import type { Metrics } from '../../server-metrics.ts';

export interface Item {
  tone: 'bad' | 'warn';
  text: string;
  /** Where to look. */
  path: string;
}

export interface Seen {
  metrics: Metrics;
  sources: readonly ListedSource[];
  destinations: readonly ListedDestination[];
  overview: OverviewAnswer;
  /** Those that fire. */
  alerts: readonly StandingRule[];
  /** Events of the last hour by source. */
  received: ReadonlyMap<string, number>;
  rejected: ReadonlyMap<string, number>;
}

const LAG_SECONDS = 300;
const REJECTED_SHARE = 0.01;
/** A disk with less than this is looked at; the server itself stops at `log.minFreeBytes`. */
const FREE_BYTES = 5 * 2 ** 30;

/** The worst first. */
export function attention(seen: Seen): Item[] {
  const items = [
    ...ofDisk(seen),
    ...seen.alerts.map(({ name, standing }) => ({
      tone: 'bad' as const,
      text: `Alert ${name}: ${standing.text}`,
      path: '/usage',
    })),
    ...seen.destinations.flatMap(ofDestination),
    ...seen.sources.flatMap((source) => ofSource(source, seen)),
  ];
  return items.toSorted((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'));
}

function ofDisk({ overview, metrics }: Seen): Item[] {
  const items: Item[] = [];
  const { freeBytes, minFreeBytes } = overview.disk;
  if (freeBytes !== null && freeBytes < Math.max(FREE_BYTES, 2 * minFreeBytes)) {
    const isFull = freeBytes < minFreeBytes;
    const text = isFull
      ? `The disk is full (${bytes(freeBytes)} free): events are answered 503`
      : `Only ${bytes(freeBytes)} are free on the disk`;
    items.push({ tone: isFull ? 'bad' : 'warn', text, path: '/' });
  }
  const alarms = total(metrics, 'millrace_log_alarms_total');
  if (alarms > 0) items.push({ tone: 'bad', text: `${alarms} alarms of the log`, path: '/' });
  return items;
}

function ofSource({ slug, name, enabled, lastSeenAt }: ListedSource, seen: Seen): Item[] {
  const items: Item[] = [];
  const received = seen.received.get(slug) ?? 0;
  const rejected = seen.rejected.get(slug) ?? 0;
  if (rejected > 0 && rejected >= received * REJECTED_SHARE) {
    const text = `${shortCount(rejected)} events of ${name} were rejected in the last hour`;
    items.push({ tone: 'warn', text, path: `/live?source=${slug}&status=rejected` });
  }
  if (enabled && lastSeenAt === null && received === 0) {
    items.push({ tone: 'warn', text: `${name} has never sent anything`, path: `/sources/${slug}` });
  }
  return items;
}

function ofDestination({ slug, name, status }: ListedDestination): Item[] {
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
