/** Who changed what, and how it was before. */
import { useEffect, useState } from 'preact/hooks';
import type { AuditEvent } from '../../../../src/store/people/people-shapes.ts';
import { get, seesAllSources } from '../../admin-api.ts';
import { place } from '../../page-router.ts';
import { AddressForm, AddressText } from '../../parts/address-form.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useTask } from '../../use-task.ts';
import { changesOf } from './audit-changes.ts';

const PAGE = 50;
/** Typing is over. */
const REST_MS = 250;

/** The tab of the audit log; for those who see all sources. */
export function Audit() {
  const text = place.value.query.get('q') ?? '';
  const [events, setEvents] = useState<AuditEvent[]>();
  const [hasMore, setMore] = useState(false);
  const task = useTask();
  const isKept = !seesAllSources();
  const take = (before: readonly AuditEvent[], page: readonly AuditEvent[]): void => {
    setEvents([...before, ...page]);
    setMore(page.length === PAGE);
  };
  useEffect(() => {
    if (isKept) return undefined;
    const stop = new AbortController();
    const load = async (): Promise<void> => {
      const page = await pageOf(text, undefined, stop.signal);
      if (!stop.signal.aborted) take([], page);
    };
    const timer = setTimeout(() => {
      void load().catch((error: unknown) => {
        if (!stop.signal.aborted) void task.run(() => Promise.reject(error));
      });
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, isKept]);
  if (isKept) {
    return <Empty>The audit log speaks of all sources, and your account is kept to some.</Empty>;
  }
  const more = (): void => {
    void task.run(async () => take(events ?? [], await pageOf(text, events?.at(-1)?.id)));
  };
  return (
    <Section title="Audit log">
      <AddressForm>
        <AddressText name="q" label="Filter" hint="who, action or name" />
      </AddressForm>
      <Problem error={task.error} />
      {events?.length === 0 && (
        <Empty>{text === '' ? 'Nothing was changed yet.' : 'No change fits this.'}</Empty>
      )}
      {events && events.length > 0 && (
        <>
          <Table label="Audit log" columns={['When', 'Who', 'What', 'On', 'Changes']}>
            {events.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </Table>
          <Pager shown={events.length} what="changes" hasMore={hasMore} onMore={more} />
        </>
      )}
    </Section>
  );
}

function pageOf(text: string, before?: number, signal?: AbortSignal): Promise<AuditEvent[]> {
  const query = new URLSearchParams({ limit: String(PAGE), ...(text !== '' && { q: text }) });
  if (before !== undefined) query.set('before', String(before));
  return get<AuditEvent[]>(`/admin/audit?${query}`, signal);
}

function EventRow({ event }: { event: AuditEvent }) {
  const { atMs, actor, action, resource, before, after } = event;
  return (
    <tr>
      <td>
        <Time value={atMs} isExact />
      </td>
      <td class="settings-text">
        {actor.name} <span class="muted">{actor.type}</span>
      </td>
      <td>{action}</td>
      <td class="settings-text">
        {resource.name} <span class="muted">{resource.type}</span>
      </td>
      <td>
        <Changes before={before} after={after} />
      </td>
    </tr>
  );
}

function Changes({ before, after }: { before: unknown; after: unknown }) {
  const changes = changesOf(before ?? undefined, after ?? undefined);
  if (changes.length === 0) return null;
  return (
    <details>
      <summary>{changes.length === 1 ? '1 change' : `${changes.length} changes`}</summary>
      <dl class="audit-changes">
        {changes.map(({ path, before: old, after: fresh }) => (
          <div key={path}>
            <dt>{path || 'value'}</dt>
            <dd>
              {old !== undefined && (
                <del>
                  <code>{JSON.stringify(old)}</code>
                </del>
              )}{' '}
              {fresh !== undefined && (
                <ins>
                  <code>{JSON.stringify(fresh)}</code>
                </ins>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
