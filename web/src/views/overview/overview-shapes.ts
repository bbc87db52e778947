/** What the server answers, as far as the overview reads it. */
export interface OverviewAnswer {
  disk: { freeBytes: number | null; minFreeBytes: number; logBytes: number; lakeBytes: number };
  retention: {
    logHours: number;
    logBytesMax: number | null;
    logFrom: string | null;
    rejectedRowsMax: number;
  };
}

export interface VerifyState {
  state: 'never' | 'running' | 'done' | 'failed';
  share: number;
  finishedAt: string | null;
  failure: string | null;
  report: Report | null;
}

export interface Report {
  isConserved: boolean;
  received: number;
  stored: number;
  rejected: number;
  duplicate: number;
  suppressed: number;
  pending: number;
  problems: string[];
  destinations: { slug: string; problems: string[] }[];
}
