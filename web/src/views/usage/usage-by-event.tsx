/** Events of a source by name, against the same time of earlier weeks. */
import type {
  EventVolume,
  VolumesAnswer,
} from '../../../../src/operate/overview/overview-shapes.ts';
import { count, share } from '../../format.ts';
import { href } from '../../page-router.ts';
import { Badge } from '../../parts/badge.tsx';
import { Section } from '../../parts/page.tsx';
import { Problem } from '../../parts/problem.tsx';
import { Table } from '../../parts/table.tsx';
import { useLoaded } from '../../use-loaded.ts';

const EVERY_MS = 30_000;
/** So many times as much, or as little, is worth a look. */
const UNUSUAL = 2;
/** Of rare events any number is usual. */
const COUNTED_FROM = 20;

export function ByEvent({ source, span }: { source: string; span: string }) {
  const path = `/admin/history/events?source=${encodeURIComponent(source)}&${span}`;
  const { data, error } = useLoaded<VolumesAnswer>(path, EVERY_MS);
  return (
    <Section title="By event">
      <Problem error={error} />
      {data?.events.length === 0 && <p class="muted">Nothing was stored in this time.</p>}
      {data && data.events.length > 0 && (
        <Table label="Events by name" columns={['Event', 'Events', 'Usual', '']}>
          {data.events.map((volume) => (
            <tr key={`${volume.type} ${volume.name}`}>
              <td>
                <a href={href(`/schema?source=${encodeURIComponent(source)}`)}>
                  {volume.name || volume.type}
                </a>
              </td>
              <td class="number">{count(volume.events)}</td>
              <td class="number">{volume.usual === null ? '–' : count(volume.usual)}</td>
              <td>
                <Unusual {...volume} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <p class="muted">Usual is the median of the same time in the four weeks before.</p>
    </Section>
  );
}

function Unusual({ events, usual }: EventVolume) {
  if (usual === null || Math.max(events, usual) < COUNTED_FROM) return null;
  const isMuch = events > usual * UNUSUAL;
  if (!isMuch && events * UNUSUAL >= usual) return null;
  const change = usual === 0 ? 'new' : share(events / usual);
  return <Badge tone="warn">{usual === 0 ? change : `${change} of usual`}</Badge>;
}
