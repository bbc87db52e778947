/** Events of a source by write key: which app still sends with an old one. */
import type { HistoryAnswer } from '../../../../src/operate/overview/overview-shapes.ts';
import type { KeyView, SourceDetail } from '../../../../src/operate/sources/source-shapes.ts';
import { sumOfPoints } from '../../counter-history.ts';
import { ago, count } from '../../format.ts';
import { Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';

interface Props {
  source: string;
  answer: HistoryAnswer | undefined;
}

export function ByKey({ source, answer }: Props) {
  const { data, error } = useLoaded<SourceDetail>(`/admin/sources/${encodeURIComponent(source)}`);
  const eventsOf = ({ number }: KeyView): number => {
    const own = answer?.series.find(({ labels }) => labels['key'] === String(number));
    return sumOfPoints(own?.points);
  };
  return (
    <Section title="By write key">
      <Problem error={error} />
      <Table label="Events by write key" columns={['Key', 'State', 'Events', 'Last used']}>
        {data?.keys.map((key) => (
          <tr key={key.number}>
            <td>
              <code>{key.hint}</code>
            </td>
            <td>{key.state}</td>
            <td class="number">{count(eventsOf(key))}</td>
            <td>{ago(key.lastUsedAt)}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
