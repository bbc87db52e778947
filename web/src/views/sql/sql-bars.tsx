/** Bars, drawn by attributes because the page's policy has no inline styles. */
import { shortCount } from '../../format.ts';

interface Props {
  name: string;
  bars: readonly { label: string; value: number }[];
}

const ROW_PX = 26;
const LABEL_PERCENT = 30;
const LABEL_CHARS = 28;
/** The rest is for the number behind the longest bar. */
const BAR_PERCENT_MAX = 58;

export function Bars({ name, bars }: Props) {
  const most = Math.max(...bars.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  const texts = bars.map(({ label, value }) => `${label}: ${shortCount(value)}`);
  return (
    <figure class="chart bars" aria-label={`${name}. ${texts.join('; ')}`}>
      <svg width="100%" height={bars.length * ROW_PX} aria-hidden="true">
        {bars.map(({ label, value }, at) => {
          const width = (Math.abs(value) / most) * BAR_PERCENT_MAX;
          const middle = at * ROW_PX + ROW_PX / 2;
          return (
            <g key={at}>
              <text x={`${LABEL_PERCENT - 1}%`} y={middle} text-anchor="end">
                {label.length > LABEL_CHARS ? `${label.slice(0, LABEL_CHARS)}…` : label}
              </text>
              <rect
                class={value < 0 ? 'negative' : undefined}
                x={`${LABEL_PERCENT}%`}
                y={at * ROW_PX + 4}
                width={`${width}%`}
                height={ROW_PX - 8}
              />
              <text x={`${LABEL_PERCENT + width + 1}%`} y={middle}>
                {shortCount(value)}
              </text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
