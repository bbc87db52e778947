/** Events of a source by write key: which app still sends with an old one. */
import { sumOfPoints } from '../../counter-history.ts';
import type { History } from '../../counter-history.ts';
import { ago, count } from '../../format.ts';
import { Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';

interface Key {
  number: number;
  hint: string;
  state: string;
  lastUsedAt: string | null;
}

interface Props {
  source: string;
  answer: History | undefined;
}

export function ByKey({ source, answer }: Props) {
  const { data, error } = useLoaded<{ keys: Key[] }>(
    `/admin/sources/${encodeURIComponent(source)}`,
  );
  const eventsOf = ({ number }: Key): number => {
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
