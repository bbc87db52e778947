/** Runs the parts of a benchmark that the command line names, and prints their figures. */
import { parseArgs } from 'node:util';

export interface Figure {
  figure: string;
  value: string;
  aim?: string;
}

export type Part<Scale> = (scale: Scale) => Promise<Figure[]>;

/** A number with two digits behind the point. */
export function shown(value: number, unit = ''): string {
  return `${value.toFixed(2)}${unit}`;
}

/** `--quick` takes the small scale, `--only a,b` these parts. Ends the process on other names. */
export async function runParts<Scale>(
  parts: Record<string, Part<Scale>>,
  scales: { full: Scale; quick: Scale },
): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const scale = values.quick ? scales.quick : scales.full;
  const wanted = values.only?.split(',') ?? Object.keys(parts);
  const unknown = wanted.find((name) => !(name in parts));
  if (unknown !== undefined) {
    process.stderr.write(`Unknown part ${unknown}; there are ${Object.keys(parts).join(', ')}\n`);
    process.exit(2);
  }
  print('part  figure                                                   value   aim');
  print('────  ─────────────────────────────────────────────────────  ───────  ──────');
  for (const name of wanted) {
    for (const { figure, value, aim } of (await parts[name]?.(scale)) ?? []) {
      print(`${name.padEnd(5)} ${figure.padEnd(54)} ${value.padStart(8)}  ${aim ?? ''}`);
    }
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
