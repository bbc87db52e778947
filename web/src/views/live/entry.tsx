/** One event in full: what became of it, and as it is stored. */
import { useState } from 'preact/hooks';
import { Badge } from '../../parts/badge.tsx';
import { Code } from '../../parts/code.tsx';
import { href } from '../../router.ts';
import { nameOf, receivedAt, whoOf } from './entries.ts';
import type { LiveEntry } from './entries.ts';
import { time } from '../../format.ts';

export function Entry({ entry }: { entry: LiveEntry }) {
  const [isRaw, setRaw] = useState(false);
  const { key: _key, ...stored } = entry;
  const isRejected = entry.status === 'rejected';
  return (
    <section class="card entry-detail" aria-label="The chosen event">
      <div class="card-head">
        <h2>{nameOf(entry)}</h2>
        <Badge tone={isRejected ? 'bad' : 'good'}>{entry.status}</Badge>
      </div>
      {isRejected && (
        <p class="problem">
          {entry.field ? `${entry.field}: ` : ''}
          {entry.message}
        </p>
      )}
      <dl class="facts">
        <dt>Received</dt>
        <dd>{time(receivedAt(entry))}</dd>
        <dt>Source</dt>
        <dd>{entry.source}</dd>
        {whoOf(entry) !== '' && (
          <>
            <dt>User</dt>
            <dd>
              <a href={href(`/users/${encodeURIComponent(whoOf(entry))}`)}>{whoOf(entry)}</a>
            </dd>
          </>
        )}
        {entry.messageId && (
          <>
            <dt>Message</dt>
            <dd>
              <a href={href(`/trace/${encodeURIComponent(entry.messageId)}`)}>{entry.messageId}</a>
            </dd>
          </>
        )}
      </dl>
      <div class="actions">
        <button type="button" class="quiet" aria-pressed={isRaw} onClick={() => setRaw(!isRaw)}>
          {isRaw ? 'Pretty' : 'Raw'}
        </button>
      </div>
      <Code text={JSON.stringify(stored, null, isRaw ? 0 : 2)} label="event" />
    </section>
  );
}
