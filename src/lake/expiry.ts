/** Which files of the lake go for good: whole files, oldest first; what they held stays counted. */
import type { LakeFile } from './file-catalog.ts';
import type { LakeState } from './lake-state.ts';
import { expireFiles } from './listed-files.ts';
import type { Trash } from './trash.ts';

const DAY_MS = 86_400_000;

/** The bound on rejected events. */
export function expireRejected(lake: LakeState, trash: Trash): void {
  const { settings, metrics } = lake.options;
  const files = lake.catalog.files('rejected');
  let rows = files.reduce((sum, file) => sum + file.rows, 0);
  const expired: LakeFile[] = [];
  for (const file of files.toSorted((a, b) => a.day.localeCompare(b.day) || a.id - b.id)) {
    if (rows <= settings.rejectedRowsMax) break;
    rows -= file.rows;
    expired.push(file);
  }
  if (expired.length === 0) return;
  const expiredRows = expireFiles(lake, trash, expired);
  metrics.cell('millrace_lake_rejected_expired_total').value += expiredRows;
}

/** Days of events that are older than they are kept. */
export function expireDays(lake: LakeState, trash: Trash): void {
  const { settings, clock, metrics, logger } = lake.options;
  const { retentionDays } = settings;
  if (retentionDays === null) return;
  const before = new Date(clock.wallMs() - retentionDays * DAY_MS).toISOString().slice(0, 10);
  const expired = lake.catalog.files('events').filter(({ day }) => day < before);
  if (expired.length === 0) return;
  const rows = expireFiles(lake, trash, expired);
  metrics.cell('millrace_lake_expired_total').value += rows;
  logger.info({ files: expired.length, rows, before }, 'days of the lake expired');
}
