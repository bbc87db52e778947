/** All sources, or one; what the address says is shown also before the sources are known. */
import type { ListedSource } from '../../../../src/operate/sources/source-shapes.ts';
import { ChoiceField } from '../../parts/choice-field.tsx';
import { useLoaded } from '../../use-loaded.ts';

interface Props {
  /** A slug; empty: all. */
  chosen: string;
  onChange(slug: string): void;
}

export function SourceFilter({ chosen, onChange }: Props) {
  const { data } = useLoaded<ListedSource[]>('/admin/sources');
  const slugs = data?.map(({ slug }) => slug) ?? [];
  const isKnown = chosen === '' || slugs.includes(chosen);
  const choices = [['', 'all'] as const, ...(isKnown ? slugs : [chosen, ...slugs])];
  return <ChoiceField label="Source" value={chosen} choices={choices} onChange={onChange} />;
}
