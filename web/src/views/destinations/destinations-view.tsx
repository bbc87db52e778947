/** Destinations: the list, the catalogue, a new one, or one of them. */
import { place } from '../../page-router.ts';
import type { ViewProps } from '../../page-router.ts';
import { Catalogue } from './destination-catalogue.tsx';
import { DestinationDetail } from './destination-detail.tsx';
import { DestinationList } from './destination-list.tsx';
import { NewDestination } from './new-destination.tsx';
import './destinations-view.css';

export function Destinations({ params }: ViewProps) {
  const { slug, tab } = params;
  if (slug === undefined) return <DestinationList />;
  if (slug !== 'new') return <DestinationDetail slug={slug} tab={tab ?? 'delivery'} key={slug} />;
  if (tab === undefined) return <Catalogue />;
  return <NewDestination type={tab} key={place.value.path} />;
}
