/** Recounts log, lake and deliveries from their files; reads only, also beside a running server. */
import { systemDisk } from '../../base/disk.ts';
import { verifyDeliveries } from '../../deliver/verify-delivery.ts';
import { verifyConservation } from '../../lake/verify-lake.ts';
import { listPartitions } from '../../lake/known-partitions.ts';
import type { WholeReport } from './verify-shapes.ts';

export interface VerifyWhat {
  dataFolder: string;
  regions: readonly string[];
  sources: readonly { id: string; number: number; slug: string }[];
  destinations: readonly { id: string; slug: string; region: string }[];
}

/** @param onProgress gets the share done, 0 to 1. @throws MillraceError DATA_FORMAT_TOO_NEW */
export async function verifyEverything(
  { dataFolder, regions, sources, destinations }: VerifyWhat,
  onProgress: (share: number) => void,
): Promise<WholeReport> {
  const partitions = await listPartitions(systemDisk, dataFolder, regions, 0);
  const shared = { disk: systemDisk, dataFolder, partitions, sources };
  const report = await verifyConservation({ ...shared, onProgress });
  const delivered = await verifyDeliveries({ ...shared, destinations });
  const isConserved = report.isConserved && delivered.every((one) => one.isConserved);
  return { ...report, isConserved, destinations: delivered };
}
