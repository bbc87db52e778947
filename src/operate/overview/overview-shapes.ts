/** How much there is: of disk, of regions, of events over time. */
import type { Granularity } from '../../observe/history-shapes.ts';

export interface OverviewAnswer {
  disk: { freeBytes: number | null; minFreeBytes: number; logBytes: number; lakeBytes: number };
  retention: {
    logHours: number;
    /** Of each partition; null: no limit. */
    logBytesMax: number | null;
    /** When the oldest part of the log began; null: there is none. */
    logFrom: string | null;
    rejectedRowsMax: number;
  };
}

export interface RegionView {
  name: string;
  /** False: the configuration no longer names it, and its data is still there. */
  isConfigured: boolean;
  /** Host names that take only write keys of this region. */
  hosts: readonly string[];
  sources: number;
  logBytes: number;
  lakeBytes: number;
}

export interface EventVolume {
  type: string;
  name: string;
  events: number;
  /** The median of the same time of earlier weeks; null: not known yet. */
  usual: number | null;
}

export interface VolumesAnswer {
  source: string;
  events: EventVolume[];
}

/** When a part of the time began, and what was counted in it. */
export type HistoryPoint = [at: string, value: number];

export interface HistoryAnswer {
  metric: string;
  granularity: Granularity;
  /** One for each combination of the labels that were asked for. */
  series: { labels: Readonly<Record<string, string>>; points: HistoryPoint[] }[];
}

export interface BaselineAnswer {
  source: string;
  /** By the hour; null: not known what is usual. */
  points: [at: string, usual: number | null][];
}
