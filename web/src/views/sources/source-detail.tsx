/** One source: how to send, its keys, its limits. */
import { useState } from 'preact/hooks';
import { may, send } from '../../api.ts';
import { bytes, count } from '../../format.ts';
import { useLoaded, useTask } from '../../loading.ts';
import { Badge } from '../../parts/badge.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { href } from '../../router.ts';
import { FirstEvent } from './first-event.tsx';
import { Keys } from './keys.tsx';
import { freshKeys } from './shapes.ts';
import type { SourceDetail as Detail } from './shapes.ts';
import { Snippets } from './snippets.tsx';

export function SourceDetail({ slug }: { slug: string }) {
  const { data, error, reload } = useLoaded<Detail>(`/admin/sources/${slug}`, 5_000);
  const [freshKey, setFreshKey] = useState(() => freshKeys.get(slug));
  if (!data) {
    return (
      <Page title={slug}>
        <Problem error={error} />
      </Page>
    );
  }
  const onKey = (key: string): void => {
    freshKeys.set(slug, key);
    setFreshKey(key);
    reload();
  };
  return (
    <Page
      title={data.name}
      actions={
        <>
          <Badge>{data.environment}</Badge>
          <Badge tone={data.enabled ? 'good' : 'warn'}>
            {data.enabled ? 'enabled' : 'disabled'}
          </Badge>
          <a class="button quiet" href={href(`/live?source=${slug}`)}>
            Live events
          </a>
          {may('member') && <Switch source={data} onChange={reload} />}
        </>
      }
    >
      <Problem error={error} />
      <FirstEvent slug={slug} />
      <Section title="Send events">
        <Snippets writeKey={freshKey} host={data.collectorUrl} />
      </Section>
      <Section title="Write keys">
        <Keys source={data} freshKey={freshKey} onKey={onKey} onChange={reload} />
      </Section>
      <Section title="Limits">
        <Limits source={data} />
      </Section>
    </Page>
  );
}

function Switch({ source, onChange }: { source: Detail; onChange(): void }) {
  const task = useTask();
  const turn = (): void => {
    void task.run(async () => {
      await send('PATCH', `/admin/sources/${source.slug}`, { enabled: !source.enabled });
      onChange();
    });
  };
  return (
    <>
      <button type="button" class="quiet" disabled={task.isRunning} onClick={turn}>
        {source.enabled ? 'Disable' : 'Enable'}
      </button>
      <Problem error={task.error} />
    </>
  );
}

/** What the source may, and how near it came to it in the last seconds. */
function Limits({ source }: { source: Detail }) {
  const { effectiveLimits: limits } = source;
  return (
    <dl class="figures">
      <div>
        <dt>Requests a second</dt>
        <dd>{count(limits.requestsPerSecond)}</dd>
      </div>
      <div>
        <dt>At once</dt>
        <dd>{count(limits.burst)}</dd>
      </div>
      <div>
        <dt>Request</dt>
        <dd>{bytes(limits.requestBytesMax)}</dd>
      </div>
      <div>
        <dt>Event</dt>
        <dd>{bytes(limits.eventBytesMax)}</dd>
      </div>
      <div>
        <dt>Events in a batch</dt>
        <dd>{count(limits.batchEventsMax)}</dd>
      </div>
    </dl>
  );
}
