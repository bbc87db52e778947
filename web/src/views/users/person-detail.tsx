/** What is known of one person. */
import { useState } from 'preact/hooks';
import type {
  Person,
  Timeline,
  TimelineEvent,
  Trait,
} from '../../../../src/operate/people/person-shapes.ts';
import { get } from '../../admin-api.ts';
import { count } from '../../format.ts';
import { href } from '../../page-router.ts';
import { Facts } from '../../parts/facts.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useTask } from '../../use-task.ts';
import { personPath, tracePath } from '../../view-paths.ts';
import { valueText } from './value-text.ts';

/** Ids, traits and timeline of a person. */
export function PersonDetail({ person }: { person: Person }) {
  return (
    <>
      <h2 class="person-id">{person.id}</h2>
      <Identity person={person} />
      <Section title="Traits">
        {person.traits.length === 0 ? (
          <Empty>No identify call has sent traits of this person.</Empty>
        ) : (
          <Table label="Traits" columns={['Trait', 'Value', 'Since', 'Before']}>
            {person.traits.map((trait) => (
              <TraitRow key={trait.name} trait={trait} />
            ))}
          </Table>
        )}
      </Section>
      <TimelineSection person={person} />
    </>
  );
}

function Identity({ person }: { person: Person }) {
  const { userIds, anonymousIds, sharedWith, aliases, links } = person;
  return (
    <Section title="Ids">
      <Facts
        facts={[
          ['User ids', userIds.length === 0 ? 'none, or more than one person' : userIds.join(', ')],
          ['Anonymous ids', anonymousIds.length === 0 ? 'none' : anonymousIds.join(', ')],
          aliases.length > 0 && [
            'Merged by alias',
            aliases.map((one) => `${one.previousId} → ${one.userId}`).join(', '),
          ],
          sharedWith.length > 0 && ['Same browser', <SameBrowser ids={sharedWith} />],
        ]}
      />
      {links.length > 0 && (
        <Table
          label="Ids that came together"
          columns={['User id', 'Anonymous id', { number: 'Events' }, 'First', 'Last']}
        >
          {links.map(({ userId, anonymousId, events, firstSeenAt, lastSeenAt }) => (
            <tr key={JSON.stringify([userId, anonymousId])}>
              <td class="person-id">{userId ?? '–'}</td>
              <td class="person-id">{anonymousId ?? '–'}</td>
              <td class="number">{count(events)}</td>
              <td>
                <Time value={firstSeenAt} />
              </td>
              <td>
                <Time value={lastSeenAt} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function SameBrowser({ ids }: { ids: readonly string[] }) {
  return (
    <>
      {ids.map((id, at) => (
        <span key={id}>
          {at > 0 && ', '}
          <a href={href(personPath(id))}>{id}</a>
        </span>
      ))}{' '}
      <span class="muted">(somebody else; what they did is not below)</span>
    </>
  );
}

function TraitRow({ trait: { name, changes } }: { trait: Trait }) {
  const [now, ...before] = changes;
  return (
    <tr>
      <th scope="row" class="person-trait">
        {name}
      </th>
      <td class="person-value">{valueText(now?.value)}</td>
      <td>
        <Time value={now?.at} />
      </td>
      <td class="person-value">
        {before.length === 0 ? (
          <span class="muted">always so</span>
        ) : (
          <ul class="person-history">
            {before.map(({ value, at, messageId }) => (
              <li key={`${at} ${messageId}`}>
                {valueText(value)}{' '}
                <span class="muted">
                  from <Time value={at} isExact />
                </span>
              </li>
            ))}
          </ul>
        )}
      </td>
    </tr>
  );
}

/** Pages that come after the first are added below it. */
function TimelineSection({ person }: { person: Person }) {
  const { kind, id } = person;
  const [{ events, next }, setTimeline] = useState<Timeline>(person.timeline);
  const task = useTask();
  const more = (): void => {
    void task.run(async () => {
      const query = new URLSearchParams({ kind, id, before: next ?? '' });
      const page = await get<Timeline>(`/admin/people/timeline?${query}`);
      setTimeline({ events: [...events, ...page.events], next: page.next });
    });
  };
  return (
    <Section title="Timeline">
      {events.length === 0 ? (
        <Empty>No event is left in the lake.</Empty>
      ) : (
        <ol class="timeline">
          {events.map((event, at) => (
            <Entry key={`${at} ${event.messageId}`} event={event} />
          ))}
        </ol>
      )}
      <Problem error={task.error} />
      <Pager shown={events.length} what="events" hasMore={next !== null} onMore={more} />
    </Section>
  );
}

function Entry({ event }: { event: TimelineEvent }) {
  const { messageId, type, name, source, at, properties } = event;
  const names = Object.keys(properties);
  return (
    <li>
      <div class="timeline-head">
        <Time value={at} isExact />
        <span class="muted">{type}</span>
        {messageId === null ? (
          <strong>{name ?? type}</strong>
        ) : (
          <a href={href(tracePath(messageId))}>{name ?? type}</a>
        )}
        <span class="muted">{source}</span>
      </div>
      {names.length > 0 && (
        <details>
          <summary>{names.length === 1 ? '1 property' : `${names.length} properties`}</summary>
          <pre tabIndex={0}>{JSON.stringify(properties, null, 2)}</pre>
        </details>
      )}
    </li>
  );
}
