/** Sources: the list, or one of them. */
import type { ViewProps } from '../../page-router.ts';
import './sources-view.css';
import { SourceDetail } from './source-detail.tsx';
import { SourceList } from './source-list.tsx';

export function Sources({ params }: ViewProps) {
  return params['slug'] === undefined ? <SourceList /> : <SourceDetail slug={params['slug']} />;
}
