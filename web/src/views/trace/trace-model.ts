/** The path of an event as steps and as boxes of a picture. Pure. */
import type { Repair } from '../../parts/repairs.tsx';
import type { Attempt } from '../destinations/destination-shapes.ts';

export interface TracedDestination {
  slug: string;
  type: string;
  rules: { rule: string; reason: string | null; detail: string }[];
  attempts: Attempt[];
  standing: 'before start' | 'pending' | 'waiting' | 'dead' | 'filtered' | 'delivered' | 'unknown';
  detail: string;
}

export interface TracedCopy {
  verdict: 'stored' | 'rejected';
  source: string;
  type: string | null;
  event: string | null;
  receivedAt: string;
  timestamp: string | null;
  partition: string;
  position: number;
  index: number;
  reason: string | null;
  /** What is read in another way than it was sent. */
  repairs: Repair[];
  lake: string;
  warehouse: string | null;
  destinations: TracedDestination[];
}

export interface Trace {
  messageId: string;
  copies: TracedCopy[];
}

/** `good`: it went on; `bad`: it ended here, or failed; `held`: on purpose; `open`: not yet. */
export type Mood = 'good' | 'bad' | 'held' | 'open';

const MOODS: Readonly<Record<TracedDestination['standing'], Mood>> = {
  'before start': 'held',
  pending: 'open',
  waiting: 'open',
  dead: 'bad',
  filtered: 'held',
  delivered: 'good',
  unknown: 'open',
};

export function moodOfStanding(standing: TracedDestination['standing']): Mood {
  return MOODS[standing];
}

export function moodOfAttempt({ outcome }: Pick<Attempt, 'outcome'>): Mood {
  if (outcome === 'delivered') return 'good';
  return outcome === 'retry' || outcome === 'isolate' ? 'open' : 'bad';
}

const WORDS: Readonly<Record<TracedDestination['standing'], string>> = {
  'before start': 'Came before it began',
  pending: 'On its way',
  waiting: 'Waits for the next attempt',
  dead: 'Dead letter',
  filtered: 'Filtered',
  delivered: 'Delivered',
  unknown: 'Unknown',
};

export function wordsOfStanding(standing: TracedDestination['standing']): string {
  return WORDS[standing];
}

/** The rule that says no, if any does. */
export function refusalOf({ rules }: TracedDestination): TracedDestination['rules'][number] | null {
  return rules.find(({ reason }) => reason !== null) ?? null;
}

export interface Box {
  key: string;
  column: number;
  row: number;
  title: string;
  detail: string;
  mood: Mood;
}

export interface Picture {
  boxes: Box[];
  /** Keys of the boxes that a line joins. */
  lines: [from: string, to: string][];
  columns: number;
  rows: number;
}

/** Boxes on a grid: what all share is left, and each destination has a row of its own. */
export function pictureOf(copy: TracedCopy): Picture {
  const isStored = copy.verdict === 'stored';
  const shared: Omit<Box, 'column' | 'row'>[] = [
    { key: 'received', title: 'Received', detail: copy.source, mood: 'good' },
    {
      key: 'verdict',
      title: isStored ? 'Accepted' : 'Rejected',
      detail: copy.reason ?? copy.event ?? copy.type ?? '',
      mood: isStored ? 'good' : 'bad',
    },
    ...(isStored
      ? [{ key: 'lake', title: 'In the lake', detail: lakeWords(copy.lake), mood: 'good' as const }]
      : []),
  ];
  const boxes: Box[] = shared.map((box, column) => ({ ...box, column, row: 0 }));
  const lines = boxes.slice(1).map(({ key }, at): [string, string] => [boxes[at]?.key ?? '', key]);
  copy.destinations.forEach((destination, row) => {
    const own = boxesOf(destination, row);
    boxes.push(...own);
    let from = 'verdict';
    for (const { key } of own) {
      lines.push([from, key]);
      from = key;
    }
  });
  const columns = Math.max(...boxes.map(({ column }) => column)) + 1;
  return { boxes, lines, columns, rows: Math.max(1, copy.destinations.length + 1) };
}

/** Destinations stand below the lake, in the column after the verdict. */
function boxesOf(destination: TracedDestination, at: number): Box[] {
  const { slug, rules, attempts, standing } = destination;
  const row = at + 1;
  const refused = refusalOf(destination);
  const last = attempts.at(-1);
  const rulesBox: Box = {
    key: `rules ${slug}`,
    column: 2,
    row,
    title: slug,
    detail: refused ? refused.rule : `${rules.length} rules passed`,
    mood: refused ? 'held' : 'good',
  };
  const attemptsBox: Box[] = last
    ? [
        {
          key: `attempts ${slug}`,
          column: 3,
          row,
          title: attempts.length === 1 ? '1 attempt' : `${attempts.length} attempts`,
          detail: `${last.status ?? last.reason ?? last.outcome}, ${last.elapsedMs} ms`,
          mood: moodOfAttempt(last),
        },
      ]
    : [];
  const end: Box = {
    key: `end ${slug}`,
    column: last ? 4 : 3,
    row,
    title: wordsOfStanding(standing),
    detail: standing === 'filtered' ? (refused?.reason ?? '') : '',
    mood: moodOfStanding(standing),
  };
  return [rulesBox, ...attemptsBox, end];
}

function lakeWords(lake: string): string {
  return lake.includes('memory') ? 'in memory' : (lake.split('/').at(-1) ?? lake);
}

/** One sentence, for those who do not see the picture. */
export function sentenceOf({ verdict, reason, source, destinations }: TracedCopy): string {
  if (verdict === 'rejected') return `Received from ${source} and rejected: ${reason ?? ''}`;
  const each = destinations.map(({ slug, standing }) => `${slug}: ${wordsOfStanding(standing)}`);
  const where = each.length === 0 ? 'no destination' : each.join('; ');
  return `Received from ${source}, accepted, in the lake; ${where}`;
}
