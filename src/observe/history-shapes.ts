/** Counters over time. */

export type Granularity = 'MINUTE' | 'HOUR' | 'DAY';
