export interface BenchScale {
  /** Alternating pairs of baseline and Millrace. */
  pairs: number;
  /** Seconds of each measurement. */
  seconds: number;
  lakeEvents: number;
  memorySeconds: number;
  logBytes: number;
}

export interface Figure {
  figure: string;
  value: string;
  aim?: string;
}

export type BenchPart = (scale: BenchScale) => Promise<Figure[]>;

/** A number with two digits behind the point. */
export function shown(value: number, unit = ''): string {
  return `${value.toFixed(2)}${unit}`;
}
