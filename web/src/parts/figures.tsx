/** A few large numbers, each with what it counts. */
interface Props {
  /** Said to people who do not see where they stand. */
  label?: string;
  figures: readonly (readonly [name: string, value: string])[];
}

export function Figures({ label, figures }: Props) {
  return (
    <dl class="figures" aria-label={label}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
