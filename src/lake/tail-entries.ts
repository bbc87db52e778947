/**
 * Live events as `/tail` shows them: what was sent, what became of it, and the request that it came
 * in. What a sender writes never stands in the place of what we say of it.
 */
import { isInternalSlug } from '../base/internal-source.ts';
import { durableAnswer } from '../events/durable-answer.ts';
import { decodePayload } from '../events/envelope.ts';
import type { Envelope } from '../events/envelope.ts';
import { parseExact } from '../events/exact-json.ts';
import type { JsonObject } from '../events/json.ts';
import { normaliseRecord } from '../events/normalise.ts';
import type { RejectedEvent } from '../events/normalise.ts';
import { rawEvents } from '../events/raw-event.ts';
import type { StoredEvent } from '../events/raw-event.ts';
import { valuesOf } from '../events/raw-context.ts';
import { copyRawItems, createRawItems } from '../events/raw-items.ts';
import { readRawRecord } from '../events/raw-record.ts';
import { repairsText } from '../events/raw-repairs.ts';
import { timesAt } from '../events/raw-times.ts';
import { toldRepairs } from '../events/repairs.ts';
import type { ToldRepair } from '../events/repair-shapes.ts';
import type { SourceInfo } from './lake-columns.ts';
import type { LoadedRecord } from './load/loader.ts';
import type { TailAnswer, TailEntry, TailLine, TailRequest } from './tail-shapes.ts';

/** Of one step: nobody reads faster. */
const ENTRIES_MAX = 500;
const EVENTS_KEPT_MAX = 2 * ENTRIES_MAX;
const ERRORS_SHOWN = 20;

export interface TailWatch {
  /** Keeps what a record says until the entries of its step are made. */
  note(loaded: LoadedRecord): void;
  /** @param most how many are wanted. `missed`: how many more there were. */
  entriesOf(
    sources: ReadonlyMap<number, SourceInfo>,
    most: number,
  ): { entries: TailLine[]; missed: number };
}

/** A record whose events may be shown. */
interface Noted {
  partition: string;
  position: number;
  payload: Uint8Array;
  envelope: Envelope;
  duplicates: ReadonlySet<number>;
}

interface Place {
  partition: string;
  position: number;
  index: number;
  sourceNumber: number;
  receivedAtMs: number;
}

export function createTailWatch(): TailWatch {
  let noted: Noted[] = [];
  /** Events of those records. */
  let kept = 0;
  /** Events of all records since the last entries, by source. */
  let counts = new Map<number, number>();
  return {
    note({ partition, record, envelope, duplicates }) {
      const { sourceNumber, eventCount } = envelope;
      counts.set(sourceNumber, (counts.get(sourceNumber) ?? 0) + eventCount);
      const payload = Uint8Array.from(record.payload);
      noted.push({ partition, position: record.position, payload, envelope, duplicates });
      kept += eventCount;
      while (kept > EVENTS_KEPT_MAX && noted.length > 1) kept -= forgetOldest(noted);
    },
    entriesOf(sources, most) {
      const isShown = (sourceNumber: number): boolean =>
        !isInternalSlug(sources.get(sourceNumber)?.slug);
      const shown = noted.filter(({ envelope }) => isShown(envelope.sourceNumber));
      let all = 0;
      for (const [sourceNumber, count] of counts) if (isShown(sourceNumber)) all += count;
      noted = [];
      kept = 0;
      counts = new Map();
      const chosen = choose(shown, Math.min(ENTRIES_MAX, most));
      chosen.sort((a, b) => inOrder(a.event, b.event));
      const entries = chosen.map((one) =>
        lineOf(entryOf(one, sources.get(one.event.sourceNumber))),
      );
      return { entries, missed: all - entries.length };
    },
  };
}

/** The oldest whose events are all good: the least telling. Returns how many events it had. */
function forgetOldest(noted: Noted[]): number {
  const at = noted.findIndex((record) => !isTelling(record));
  const [gone] = noted.splice(Math.max(0, at), 1);
  return gone?.envelope.eventCount ?? 0;
}

function isTelling({ envelope, duplicates }: Noted): boolean {
  return envelope.rejections.length > 0 || duplicates.size > 0;
}

type Chosen = { envelope: Envelope } & (
  | { status: 'rejected'; event: RejectedEvent; repairs: readonly ToldRepair[] }
  | { status: 'stored' | 'duplicate'; event: StoredEvent; repairs: readonly ToldRepair[] }
);

/** Telling ones first, so that a flood of good events does not hide them; then the latest. */
function choose(noted: readonly Noted[], most: number): Chosen[] {
  const rejected: Chosen[] = [];
  const repeated: Chosen[] = [];
  const stored: Chosen[] = [];
  const good = noted.filter((record) => !isTelling(record)).toReversed();
  for (const record of [...noted.filter(isTelling), ...good]) {
    const telling = rejected.length + repeated.length;
    if (telling >= most || (!isTelling(record) && telling + stored.length >= most)) break;
    const { duplicates, envelope } = record;
    for (const event of rejectedOf(record)) {
      rejected.push({ status: 'rejected', event, repairs: [], envelope });
    }
    for (const { event, repairs } of storedOf(record).toReversed()) {
      const isRepeated = duplicates.has(event.index);
      const status = isRepeated ? 'duplicate' : 'stored';
      (isRepeated ? repeated : stored).push({ status, event, repairs, envelope });
    }
  }
  return [...rejected, ...repeated, ...stored].slice(0, most);
}

/** Nothing is parsed for a record that has none. */
function rejectedOf(record: Noted): RejectedEvent[] {
  if (record.envelope.rejections.length === 0) return [];
  return normaliseRecord(record.payload, record).rejected;
}

const items = createRawItems();

/** Events of a record as they were sent, and what was sent in fields that are read otherwise. */
function storedOf({ partition, position, payload, envelope }: Noted) {
  if (envelope.kind === 'rejected') return [];
  const { body } = decodePayload(payload);
  const read = readRawRecord({ partition, position }, envelope, body, items);
  const record = { ...read, items: copyRawItems(items) };
  return rawEvents(record).map((event) => {
    const { isUnreadable } = timesAt(record, event.index);
    const sent = repairsText(record, event.index, isUnreadable);
    return { event, repairs: sent === null ? [] : toldRepairs(valuesOf(sent)) };
  });
}

/** As they were received; of one request, as they stood in it. */
function inOrder(a: Place, b: Place): number {
  return a.receivedAtMs - b.receivedAtMs || a.position - b.position || a.index - b.index;
}

function lineOf(entry: TailEntry): TailLine {
  return { source: entry.source, json: JSON.stringify(entry) };
}

function entryOf(chosen: Chosen, source: SourceInfo | undefined): TailEntry {
  const { event, envelope, repairs } = chosen;
  const { sourceNumber, receivedAtMs, type, messageId } = event;
  const frame = {
    source: source?.slug ?? String(sourceNumber),
    receivedAt: new Date(receivedAtMs).toISOString(),
    type,
    messageId,
    request: requestOf(envelope, event),
    answer: answerOf(envelope, source),
    repairs,
  };
  if (chosen.status !== 'rejected') {
    const message = parseExact(chosen.event.json) as JsonObject;
    return { ...message, ...frame, status: chosen.status };
  }
  const { sourceNumber: _number, ...sent } = chosen.event;
  return { ...sent, ...frame, status: 'rejected' };
}

function requestOf(envelope: Envelope, { partition, position, index }: Place): TailRequest {
  const { route, ip, userAgent, eventCount } = envelope;
  return { route, ip, userAgent, events: eventCount, index, partition, position };
}

/**
 * As the collector answers what is durable; of many errors the first. A body that nothing could be
 * read of is answered 400 here, whichever refusal of its kind it was: its code says so.
 */
function answerOf(envelope: Envelope, source: SourceInfo | undefined): TailAnswer {
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
const answers = new WeakMap<Envelope, TailAnswer>();
