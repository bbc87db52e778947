/** Which live events are shown; everything is in the address, so that it can be sent. */
import { setQuery } from '../../page-router.ts';
import { AddressChoice, AddressForm, AddressText } from '../../parts/address-form.tsx';
import { SourceFilter } from '../sources/source-filter.tsx';

const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'];
const STATUSES = ['stored', 'rejected', 'duplicate'];
const ALL = ['', 'all'] as const;

export function Filters({ source }: { source: string }) {
  return (
    <AddressForm>
      <AddressText name="q" label="Search" size={14} hint="any text" />
      <AddressChoice name="type" label="Type" standard="" choices={[ALL, ...TYPES]} />
      <AddressText name="event" label="Name" size={14} hint="Order Com…" />
      <AddressText name="user" label="User" size={14} hint="userId or anonymousId" />
      <SourceFilter chosen={source} onChange={(slug) => setQuery({ source: slug })} />
      <AddressChoice name="status" label="Status" standard="" choices={[ALL, ...STATUSES]} />
    </AddressForm>
  );
}
