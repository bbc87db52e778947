/** What of an event is read in another way than it was sent, said in sentences. */
import type { ToldRepair } from '../../../src/events/repair-shapes.ts';

export function Repairs({ repairs }: { repairs: readonly ToldRepair[] }) {
  if (repairs.length === 0) return null;
  return (
    <>
      <h3>Repaired</h3>
      <p class="muted">
        The sender wrote some fields in a way that is not meant. The event was kept all the same:
      </p>
      <ul>
        {repairs.map(({ field, words }) => (
          <li key={field}>{words}</li>
        ))}
      </ul>
    </>
  );
}
