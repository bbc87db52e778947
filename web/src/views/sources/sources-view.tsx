/** Sources: the list, or one of them. */
import type { ViewProps } from '../../page-router.ts';
import { SourceDetail } from './source-detail.tsx';
import { SourceList } from './source-list.tsx';
import './sources-view.css';

export function Sources({ params }: ViewProps) {
  return params['slug'] === undefined ? <SourceList /> : <SourceDetail slug={params['slug']} />;
}
