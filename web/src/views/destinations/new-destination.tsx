/** A new destination of one type. */
import type { DestinationTypeInfo } from '../../../../src/destinations/destination-type-shapes.ts';
import type {
  DestinationView,
  WrittenDestination,
  ListedDestination,
} from '../../../../src/operate/destinations/destination-shapes.ts';
import { get, send } from '../../admin-api.ts';
import { go } from '../../page-router.ts';
import { Page, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { say } from '../../parts/toast.tsx';
import { useLoaded } from '../../use-loaded.ts';
import { ConnectionForm } from './connection-form.tsx';
import type { WrittenConnection } from './connection-form.tsx';
import { slugOf } from './destination-settings-model.ts';

export function NewDestination({ type }: { type: string }) {
  const { data, error } = useLoaded<DestinationTypeInfo>(`/admin/destinations/types/${type}`);
  const make = async (given: WrittenConnection): Promise<void> => {
    const slug = await freeSlug(given.name, type);
    const body: WrittenDestination = { ...given, slug, type };
    await send<DestinationView>('POST', '/admin/destinations', body);
    say('Connected');
    go(`/destinations/${slug}`);
  };
  return (
    <Page title={`Connect ${data?.title ?? type}`}>
      <Problem error={error} />
      {data?.description && <p class="muted">{data.description}</p>}
      {data && (
        <Section title="Settings">
          <ConnectionForm type={data} label="Connect" onSubmit={make} />
        </Section>
      )}
    </Page>
  );
}

/** Names may be equal, slugs not: the second Slack is `slack-2`. */
async function freeSlug(name: string, type: string): Promise<string> {
  const taken = (await get<ListedDestination[]>('/admin/destinations')).map(({ slug }) => slug);
  const wanted = slugOf(name) || type;
  if (wanted !== 'new' && !taken.includes(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const next = `${wanted.slice(0, 60)}-${number}`;
    if (!taken.includes(next)) return next;
  }
}
