/**
 * Live events as `/tail` shows them: what was sent, what became of it, and the request that it came
 * in. What a sender writes never stands in the place of what we say of it.
 */
import { isInternalSlug } from '../base/internal-source.ts';
import { durableAnswer } from '../events/durable-answer.ts';
import { decodePayload } from '../events/envelope.ts';
import type { Envelope } from '../events/envelope.ts';
import type { RejectedEvent } from '../events/normalise.ts';
import type { LogRecord } from '../log/log-reader.ts';
import type { SourceInfo } from './columns.ts';
import type { StepResult } from './lake.ts';
import type { TailEntry } from './messages.ts';

/** Of one step: nobody reads faster. */
const ENTRIES_MAX = 500;
const ERRORS_SHOWN = 20;

export interface TailWatch {
  /** Keeps what is known of a request until the entries of its step are made. */
  note(partition: string, record: LogRecord): void;
  /** @param most how many are wanted. `missed`: how many more there were. */
  entriesOf(
    result: StepResult,
    sources: ReadonlyMap<number, SourceInfo>,
    most: number,
  ): { entries: TailEntry[]; missed: number };
}

interface Place {
  partition: string;
  position: number;
  index: number;
  sourceNumber: number;
  receivedAtMs: number;
}

export function createTailWatch(): TailWatch {
  const requests = new Map<string, Envelope>();
  const about = (place: Place, status: string, source: SourceInfo | undefined): TailEntry => {
    const envelope = requests.get(`${place.partition}:${place.position}`);
    return {
      status,
      source: source?.slug ?? String(place.sourceNumber),
      // Also when it is not known: a sender may have fields of these names.
      ...(envelope ? requestOf(envelope, place, source) : { request: null, answer: null }),
    };
  };
  return {
    note(partition, { position, payload }) {
      requests.set(`${partition}:${position}`, decodePayload(payload).envelope);
      const [oldest] = requests.keys();
      if (requests.size > ENTRIES_MAX && oldest !== undefined) requests.delete(oldest);
    },
    entriesOf(result, sources, most) {
      const isShown = ({ sourceNumber }: { sourceNumber: number }): boolean =>
        !isInternalSlug(sources.get(sourceNumber)?.slug);
      const rejected = result.rejected.filter(isShown);
      const repeated = result.repeated.filter(isShown);
      const events = result.events.filter(isShown);
      const entriesMax = Math.min(ENTRIES_MAX, most);
      const chosen: { place: Place; status: string; sent: object }[] = [];
      const add = (place: Place, status: string, sent: object): void => {
        if (chosen.length < entriesMax) chosen.push({ place, status, sent });
      };
      // Few and telling ones first, so that a flood of good events does not hide them.
      for (const event of rejected) add(event, 'rejected', rejectedOf(event));
      for (const event of repeated) add(event, 'duplicate', event.message);
      // Of those, the latest.
      const room = entriesMax - chosen.length;
      for (const event of events.slice(Math.max(0, events.length - room))) {
        add(event, 'stored', event.message);
      }
      chosen.sort((a, b) => inOrder(a.place, b.place));
      const entries = chosen.map(({ place, status, sent }) => ({
        ...sent,
        ...about(place, status, sources.get(place.sourceNumber)),
      }));
      requests.clear();
      const all = events.length + rejected.length + repeated.length;
      return { entries, missed: all - entries.length };
    },
  };
}

/** As they were received; of one request, as they stood in it. */
function inOrder(a: Place, b: Place): number {
  return a.receivedAtMs - b.receivedAtMs || a.position - b.position || a.index - b.index;
}

function rejectedOf({ sourceNumber: _number, receivedAtMs, ...event }: RejectedEvent): TailEntry {
  return { ...event, receivedAtMs, receivedAt: new Date(receivedAtMs).toISOString() };
}

/** The request that an event came in, and what was answered. */
function requestOf(
  envelope: Envelope,
  { partition, position, index }: Place,
  source: SourceInfo | undefined,
): TailEntry {
  const { route, ip, userAgent, eventCount } = envelope;
  return {
    request: { route, ip, userAgent, events: eventCount, index, partition, position },
    answer: answerOf(envelope, source),
  };
}

/**
 * As the collector answers what is durable; of many errors the first. A body that nothing could be
 * read of is answered 400 here, whichever refusal of its kind it was: its code says so.
 */
function answerOf(envelope: Envelope, source: SourceInfo | undefined): object {
  const known = answers.get(envelope);
  if (known) return known;
  const { eventCount, rejections } = envelope;
  const { status, body } = durableAnswer(envelope, source?.responses ?? 'strict');
  const errors: unknown = body && 'errors' in body ? body.errors : null;
  const answer = {
    status,
    accepted: eventCount - rejections.length,
    rejected: rejections.length,
    body: Array.isArray(errors) ? { ...body, errors: errors.slice(0, ERRORS_SHOWN) } : body,
  };
  answers.set(envelope, answer);
  return answer;
}

/** Events of one request have the same. */
const answers = new WeakMap<Envelope, object>();
