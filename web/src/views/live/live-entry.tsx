/** One event in full: what became of it, the request it came in, and as it was sent. */
import { useState } from 'preact/hooks';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Code } from '../../parts/code.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Repairs } from '../../parts/repairs.tsx';
import { Time } from '../../parts/time.tsx';
import { parseShown } from '../../shown-json.ts';
import { personPath, tracePath } from '../../view-paths.ts';
import { nameOf, whoOf } from './live-entries.ts';
import type { LiveEntry } from './live-entries.ts';

/** Beside the list; above it on a phone. */
export function Entry({ entry }: { entry: LiveEntry }) {
  const [isRaw, setRaw] = useState(false);
  const { status } = entry;
  return (
    <section class="card entry-detail" aria-label="The chosen event">
      <div class="card-head">
        <h2>{nameOf(entry)}</h2>
        <Status status={status} />
      </div>
      {status === 'rejected' && (
        <p class="problem">
          {entry.field ? `${entry.field}: ` : ''}
          {entry.message}
        </p>
      )}
      {status === 'duplicate' && (
        <p class="muted">
          Its messageId was stored before: the sender was answered as if this were the first copy,
          and nothing was stored.
        </p>
      )}
      <About entry={entry} />
      <Repairs repairs={entry.repairs} />
      <div class="actions">
        <button type="button" class="quiet" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
          {isRaw ? 'Pretty' : 'Raw'}
        </button>
      </div>
      <Code text={sentText(entry, isRaw)} label="event" />
      {entry.answer?.body && (
        <>
          <h3>Answer</h3>
          <Code text={JSON.stringify(entry.answer.body, null, isRaw ? 0 : 2)} label="answer" />
        </>
      )}
    </section>
  );
}

export function Status({ status }: { status: LiveEntry['status'] }) {
  const tone = { stored: 'good', rejected: 'bad', duplicate: 'warn' } as const;
  return <Badge tone={tone[status]}>{status}</Badge>;
}

function About({ entry }: { entry: LiveEntry }) {
  const { request, answer, source, messageId } = entry;
  const who = whoOf(entry);
  return (
    <Facts
      facts={[
        ['Received', <Time value={entry.receivedAt} isExact />],
        ['Source', <a href={href(`/sources/${source}`)}>{source}</a>],
        who !== '' && ['User', <a href={href(personPath(who))}>{who}</a>],
        messageId ? ['Message', <a href={href(tracePath(messageId))}>{messageId}</a>] : null,
        request && ['Request', wordsOfRequest(request)],
        answer && [
          'Answer',
          `${answer.status}: ${answer.accepted} accepted, ${answer.rejected} rejected`,
        ],
      ]}
    />
  );
}

function wordsOfRequest(request: NonNullable<LiveEntry['request']>): string {
  const { route, ip, userAgent, events, index } = request;
  return [
    route,
    events > 1 && `, event ${index + 1} of ${events}`,
    ip !== '' && ` from ${ip}`,
    userAgent !== '' && `, ${userAgent}`,
  ]
    .filter((part) => part !== false)
    .join('');
}

/** A stored event in the shape in which it is delivered; a rejected one as it was sent. */
function sentText(entry: LiveEntry, isRaw: boolean): string {
  const { key: _key, status, source: _source, request: _request, answer: _answer, ...rest } = entry;
  const { repairs: _repairs, ...sent } = rest;
  if (status !== 'rejected') return JSON.stringify(sent, null, isRaw ? 0 : 2);
  const body = entry.body ?? '';
  if (isRaw) return body;
  try {
    return JSON.stringify(parseShown(body), null, 2);
  } catch {
    // Not JSON, or only the beginning of it.
    return body;
  }
}
