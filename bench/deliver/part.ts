export interface DeliverScale {
  /** Alternating pairs of baseline and Millrace. */
  pairs: number;
  /** Events of the parts that deliver one by one, and of the others. */
  singles: number;
  bulk: number;
  backlog: number;
}

export type DeliverPart = (scale: DeliverScale) => Promise<Figure[]>;

export interface Figure {
  figure: string;
  value: string;
  aim?: string;
}

/** A number with two digits behind the point. */
export function shown(value: number, unit = ''): string {
  return `${value.toFixed(2)}${unit}`;
}
