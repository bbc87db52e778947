/** Lines over time. The same numbers are in a table for people who do not see them. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { shortCount } from '../format.ts';
import { theme } from '../theme.ts';

const HEIGHT_PX = 200;
const COLOURS = ['--line-1', '--line-2', '--line-3', '--line-4', '--line-5', '--line-6'];

interface Props {
  label: string;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  lines: readonly { name: string; values: readonly (number | null)[] }[];
}

export function Chart({ label, times, lines }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const own = box.current;
    if (!own) return undefined;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--muted'),
      grid: { stroke: colour('--edge'), width: 1 },
      ticks: { stroke: colour('--edge'), width: 1 },
    };
    const chart = new uPlot(
      {
        width: own.clientWidth,
        height: HEIGHT_PX,
        series: [
          {},
          ...lines.map(({ name }, at) => ({
            label: name,
            stroke: colour(COLOURS[at % COLOURS.length] ?? '--line-1'),
            width: 2,
            points: { show: times.length < 40 },
          })),
        ],
        axes: [axis, { ...axis, values: (_, values) => values.map(shortCount), size: 56 }],
        scales: {
          y: { range: (_, low, high) => [Math.min(0, low), high > low ? high * 1.05 : 1] },
        },
        cursor: { drag: { x: false, y: false } },
      },
      [[...times], ...lines.map(({ values }) => [...values])],
      own,
    );
    const onResize = new ResizeObserver(() => {
      chart.setSize({ width: own.clientWidth, height: HEIGHT_PX });
    });
    onResize.observe(own);
    return () => {
      onResize.disconnect();
      chart.destroy();
    };
  }, [times, lines, theme.value]);
  const totals = lines.map(({ name, values }) => {
    const sum = values.reduce<number>((total, value) => total + (value ?? 0), 0);
    return `${name}: ${shortCount(sum)} in all`;
  });
  return (
    <figure class="chart" aria-label={`${label}. ${totals.join('; ')}`}>
      <div ref={box} aria-hidden="true" />
    </figure>
  );
}
