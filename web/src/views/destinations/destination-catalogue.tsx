/** Everything that can be connected. */
import type { DestinationTypeView } from '../../../../src/destinations/destination-type-shapes.ts';
import { href, place } from '../../page-router.ts';
import { AddressText } from '../../parts/address-form.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { useLoaded } from '../../use-loaded.ts';

export function Catalogue() {
  const { data, error } = useLoaded<DestinationTypeView[]>('/admin/destinations/types');
  const text = place.value.query.get('q') ?? '';
  const found = data?.filter(({ title, type }) =>
    `${title} ${type}`.toLowerCase().includes(text.toLowerCase()),
  );
  return (
    <Page title="Connect a destination">
      <Problem error={error} />
      <form role="search" onSubmit={(event) => event.preventDefault()}>
        <AddressText name="q" label="Search the catalogue" hint="Slack, PostgreSQL, webhook" />
      </form>
      {found?.length === 0 && (
        <Empty>
          Nothing of that name. A <a href={href('/destinations/new/webhook')}>webhook</a> sends
          events to any URL, and a <a href={href('/destinations/new/module')}>module</a> runs your
          own code.
        </Empty>
      )}
      <ul class="d-catalogue" aria-label="Catalogue">
        {found?.map(({ type, title, class: kind }) => (
          <li key={type}>
            <a href={href(`/destinations/new/${type}`)}>
              {title}
              <small>{type.startsWith('actions-') ? `Segment's, ${kind}` : kind}</small>
            </a>
          </li>
        ))}
      </ul>
    </Page>
  );
}
