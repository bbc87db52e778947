/** One source: how to send, its keys, its limits. */
import { useState } from 'preact/hooks';
import type { SentSourceChange } from '../../../../src/admin/sent-shapes.ts';
import type { SourceDetail as Detail } from '../../../../src/operate/sources/source-shapes.ts';
import { mayWrite, send } from '../../admin-api.ts';
import { href } from '../../page-router.ts';
import { Badge, EnabledBadge } from '../../parts/badge.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useChange } from '../../use-change.ts';
import { useLoaded } from '../../use-loaded.ts';
import { FirstEvent } from './first-event.tsx';
import { freshKeys } from './fresh-keys.ts';
import { Snippets } from './snippets.tsx';
import { Keys } from './source-keys.tsx';
import { Limits } from './source-limits.tsx';
import { ChangeSource } from './source-settings.tsx';

export function SourceDetail({ slug }: { slug: string }) {
  const { data, error, reload } = useLoaded<Detail>(`/admin/sources/${slug}`, 5_000);
  const [freshKey, setFreshKey] = useState(() => freshKeys.get(slug));
  const [isChanging, setChanging] = useState(false);
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
          <EnabledBadge isEnabled={data.enabled} />
          <a class="button quiet" href={href(`/live?source=${slug}`)}>
            Live events
          </a>
          {mayWrite(slug) && (
            <button type="button" class="quiet" onClick={() => setChanging(true)}>
              Settings
            </button>
          )}
          {mayWrite(slug) && <Switch source={data} onChange={reload} />}
        </>
      }
    >
      <Problem error={error} />
      {data.origin === 'declared' && (
        <p class="muted">
          Declared in the configuration: what is changed here lasts until the next start.
        </p>
      )}
      <FirstEvent slug={slug} />
      <Section title="Send events">
        <Snippets writeKey={freshKey} host={data.collectorUrl} />
      </Section>
      <Section title="Write keys">
        <Keys source={data} freshKey={freshKey} onKey={onKey} onChange={reload} />
      </Section>
      <Limits source={data} onChange={reload} />
      {data.oauth.clients.length > 0 && <AccessTokens oauth={data.oauth} />}
      {isChanging && (
        <ChangeSource source={data} onClose={() => setChanging(false)} onChange={reload} />
      )}
    </Page>
  );
}

function AccessTokens({ oauth }: Pick<Detail, 'oauth'>) {
  const ids = [...new Set(oauth.clients.map(({ id }) => id))];
  return (
    <Section title="Access tokens">
      <p>
        {oauth.required
          ? 'Events are taken with an access token only.'
          : 'Access tokens that come with events are verified; events without one are taken.'}{' '}
        Clients: {ids.join(', ')}.
      </p>
    </Section>
  );
}

function Switch({ source, onChange }: { source: Detail; onChange(): void }) {
  const { slug, name, enabled } = source;
  const change = useChange(onChange);
  const turn = (): void => {
    const ask = `Disable ${name}? All of its keys are answered 401 at once.`;
    const body: SentSourceChange = { enabled: !enabled };
    const work = () => send('PATCH', `/admin/sources/${slug}`, body);
    change.make(work, enabled ? { ask } : {});
  };
  return (
    <>
      <button type="button" class="quiet" disabled={change.isRunning} onClick={turn}>
        {enabled ? 'Disable' : 'Enable'}
      </button>
      <Problem error={change.error} />
    </>
  );
}
