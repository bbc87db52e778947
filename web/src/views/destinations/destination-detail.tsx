/** One destination: how it fares, its settings, filters, dead letters and replays. */
import { useState } from 'preact/hooks';
import type { DestinationTypeInfo } from '../../../../src/destinations/destination-type-shapes.ts';
import type {
  WrittenDestinationChange,
  ListedDestination,
} from '../../../../src/operate/destinations/destination-shapes.ts';
import { may, send } from '../../admin-api.ts';
import { go } from '../../page-router.ts';
import { Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { say } from '../../parts/toast.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { Authorization } from './authorization-part.tsx';
import { ConnectionForm } from './connection-form.tsx';
import type { WrittenConnection } from './connection-form.tsx';
import { DeadLetters } from './dead-letters-tab.tsx';
import { DeliveryTab } from './delivery-tab.tsx';
import { StateBadge } from './destination-table.tsx';
import { FiltersTab } from './filters-tab.tsx';
import { Replays } from './replays-tab.tsx';

export function DestinationDetail({ slug, tab }: { slug: string; tab: string }) {
  const { data, error, reload } = useLoaded<ListedDestination[]>('/admin/destinations', 5_000);
  const destination = data?.find((one) => one.slug === slug);
  const base = `/destinations/${slug}`;
  if (!destination) {
    return (
      <Page title={slug}>
        <Problem error={error} />
        {data && <p>There is no such destination.</p>}
      </Page>
    );
  }
  return (
    <Page
      title={destination.name}
      actions={
        <>
          <StateBadge destination={destination} />
          {may('member') && <Steering destination={destination} onChange={reload} />}
        </>
      }
    >
      <Problem error={error} />
      {destination.status?.failure && <p class="problem">{destination.status.failure}</p>}
      <Tabs
        label="Parts of the destination"
        tabs={[
          { name: 'Delivery', path: base },
          { name: 'Settings', path: `${base}/settings` },
          { name: 'Filters', path: `${base}/filters`, count: destination.filters.length },
          {
            name: 'Dead letters',
            path: `${base}/dead-letters`,
            count: destination.status?.deadLetters ?? 0,
          },
          { name: 'Replay', path: `${base}/replay` },
        ]}
      />
      {tab === 'delivery' && <DeliveryTab slug={slug} />}
      {tab === 'settings' && <SettingsTab destination={destination} onChange={reload} />}
      {tab === 'filters' && <FiltersTab destination={destination} onChange={reload} />}
      {tab === 'dead-letters' && <DeadLetters slug={slug} onChange={reload} />}
      {tab === 'replay' && <Replays slug={slug} />}
    </Page>
  );
}

interface OwnProps {
  destination: ListedDestination;
  onChange(): void;
}

function Steering({ destination, onChange }: OwnProps) {
  const { slug, state, name } = destination;
  const path = `/admin/destinations/${slug}`;
  const change = useChange(onChange);
  const turn = (to: ListedDestination['state'], done: string): void =>
    change.make(() => send('PATCH', path, { state: to } satisfies WrittenDestinationChange), {
      done,
    });
  const test = (): void =>
    change.make(() => send('POST', `${path}/test`), { done: 'The test succeeded' });
  const remove = (): void => {
    const ask = `Delete ${name}? Its cursor, dead letters and counts go with it.`;
    change.make(() => send('DELETE', path).then(() => go('/destinations')), { ask });
  };
  return (
    <>
      <button type="button" class="quiet" disabled={change.isRunning} onClick={test}>
        Test
      </button>
      {state === 'enabled' ? (
        <button
          type="button"
          class="quiet"
          title="Events are kept for later"
          onClick={() => turn('paused', 'Paused')}
        >
          Pause
        </button>
      ) : (
        <button type="button" onClick={() => turn('enabled', 'Enabled')}>
          Enable
        </button>
      )}
      {state !== 'disabled' && (
        <button
          type="button"
          class="quiet"
          title="Events pass by, counted as filtered"
          onClick={() => turn('disabled', 'Disabled')}
        >
          Disable
        </button>
      )}
      <button type="button" class="danger" onClick={remove}>
        Delete
      </button>
      <Problem error={change.error} />
    </>
  );
}

function SettingsTab({ destination, onChange }: OwnProps) {
  const { slug, type } = destination;
  const { data, error } = useLoaded<DestinationTypeInfo>(`/admin/destinations/types/${type}`);
  const [own] = useState(destination);
  const save = async (given: WrittenConnection): Promise<void> => {
    await send('PATCH', `/admin/destinations/${slug}`, given satisfies WrittenDestinationChange);
    say('Saved');
    onChange();
  };
  return (
    <Section title="Settings">
      <Problem error={error} />
      {data?.fields.some(({ key }) => key === 'oauth') && (
        <Authorization destination={destination} onChange={onChange} />
      )}
      {data && <ConnectionForm type={data} destination={own} label="Save" onSubmit={save} />}
    </Section>
  );
}
