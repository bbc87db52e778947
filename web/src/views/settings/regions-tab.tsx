/** Where data is kept. */
import type { RegionView } from '../../../../src/operate/overview/overview-shapes.ts';
import { seesAllSources } from '../../admin-api.ts';
import { bytes, count } from '../../format.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';

/** The tab of regions. */
export function Regions() {
  const isKept = !seesAllSources();
  const { data, error } = useLoaded<RegionView[]>(isKept ? null : '/admin/regions');
  if (isKept) return <Empty>Regions are shown to those who may see all sources.</Empty>;
  return (
    <Section title="Regions">
      <p class="muted">
        Each region is a folder that its data never leaves; a source belongs to one for good. They
        are named in the configuration, under <code>regions</code>.
      </p>
      <Problem error={error} />
      {data && (
        <Table
          label="Regions"
          columns={['Name', 'Hosts', { number: 'Sources' }, { number: 'Log' }, { number: 'Lake' }]}
        >
          {data.map((region) => (
            <tr key={region.name}>
              <td>
                {region.name}{' '}
                {!region.isConfigured && <Badge tone="warn">not in the configuration</Badge>}
              </td>
              <td class="settings-text">{region.hosts.join(', ') || 'any'}</td>
              <td class="number">{count(region.sources)}</td>
              <td class="number">{bytes(region.logBytes)}</td>
              <td class="number">{bytes(region.lakeBytes)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
