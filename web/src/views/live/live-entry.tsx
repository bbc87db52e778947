/** One event in full: what became of it, the request it came in, and as it was sent. */
import { useState } from 'preact/hooks';
import { Badge } from '../../parts/badge.tsx';
import { Code } from '../../parts/code.tsx';
import { Time } from '../../parts/time.tsx';
import { href } from '../../page-router.ts';
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
    <dl class="facts">
      <dt>Received</dt>
      <dd>
        <Time value={entry.receivedAt} isExact />
      </dd>
      <dt>Source</dt>
      <dd>
        <a href={href(`/sources/${source}`)}>{source}</a>
      </dd>
      {who !== '' && <dt>User</dt>}
      {who !== '' && (
        <dd>
          <a href={href(`/users?${new URLSearchParams({ q: who })}`)}>{who}</a>
        </dd>
      )}
      {messageId && <dt>Message</dt>}
      {messageId && (
        <dd>
          <a href={href(`/trace/${encodeURIComponent(messageId)}`)}>{messageId}</a>
        </dd>
      )}
      {request && <dt>Request</dt>}
      {request && (
        <dd>
          {request.route}
          {request.events > 1 && `, event ${request.index + 1} of ${request.events}`}
          {request.ip !== '' && ` from ${request.ip}`}
          {request.userAgent !== '' && `, ${request.userAgent}`}
        </dd>
      )}
      {answer && <dt>Answer</dt>}
      {answer && (
        <dd>
          {answer.status}: {answer.accepted} accepted, {answer.rejected} rejected
        </dd>
      )}
    </dl>
  );
}

/** A stored event in the shape in which it is delivered; a rejected one as it was sent. */
function sentText(entry: LiveEntry, isRaw: boolean): string {
  const { key: _key, status, source: _source, request: _request, answer: _answer, ...sent } = entry;
  if (status !== 'rejected') return JSON.stringify(sent, null, isRaw ? 0 : 2);
  const body = entry.body ?? '';
  if (isRaw) return body;
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    // Not JSON, or only the beginning of it.
    return body;
  }
}
