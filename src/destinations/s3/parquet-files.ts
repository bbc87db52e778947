/**
 * Events as Parquet with the lake's columns, written by an engine of their own that lives as long
 * as the batch: small, on one thread, with temporary files in the destination's own folder.
 */
import { join } from 'node:path';
import { systemDisk } from '../../base/disk.ts';
import { readWholeFile } from '../../base/whole-file.ts';
import type { DeliveryEvent, DestinationContext } from '../destination-contract.ts';
import { exactMessage } from '../event-json.ts';
import { isObject, textOf } from '../../events/json.ts';
import type { NormalEvent } from '../../events/normalise.ts';
import { parseTimestamp } from '../../events/timestamp.ts';
import { EVENT_COLUMNS, eventRow } from '../../lake/lake-columns.ts';
import type { Row } from '../../lake/lake-columns.ts';
import type { ObjectGroup } from './s3-objects.ts';

const MEMORY_LIMIT = '256MB';
const ROW_GROUP_ROWS = 65_536;

/**
 * One file for each group, in their order.
 * @throws what the engine throws, out of memory for one: smaller batches may pass.
 */
export async function parquetFiles(
  groups: readonly ObjectGroup[],
  context: DestinationContext,
  signal: AbortSignal,
): Promise<Buffer[]> {
  const { temporaryFolder, logger, region, random } = context;
  // Loaded at first use: most deployments have no such destination, and the engine is large.
  const { openEngine } = await import('../../lake/sql-engine.ts');
  const { sqlText } = await import('../../lake/sql-text.ts');
  const { createRowTable, loadRows } = await import('../../lake/row-table.ts');
  const engine = await openEngine({
    memoryLimit: MEMORY_LIMIT,
    threads: 1,
    folders: [temporaryFolder],
    temporaryRoot: temporaryFolder,
  });
  const { connection } = engine;
  const name = random.uuid().replaceAll('-', '');
  const path = join(temporaryFolder, `${name}.parquet`);
  const names: string[] = [`${name}.parquet`];
  try {
    const files: Buffer[] = [];
    for (const [at, group] of groups.entries()) {
      signal.throwIfAborted();
      const table = `rows_${name}_${at}`;
      const options = {
        connection,
        disk: systemDisk,
        name: table,
        columns: EVENT_COLUMNS,
        temporaryFolder,
        unloadable: { value: 0 },
        logger,
      };
      names.push(`${table}.ndjson`);
      await createRowTable(options);
      await loadRows(
        options,
        group.events.map((event) => lakeRow(event, region)),
      );
      signal.throwIfAborted();
      await connection.run(
        `copy (select * from ${table} order by received_at, "partition", "position", "index")
         to ${sqlText(path)} (format parquet, compression zstd, row_group_size ${ROW_GROUP_ROWS})`,
      );
      await connection.run(`drop table ${table}`);
      files.push(await readWholeFile(systemDisk, path));
    }
    return files;
  } finally {
    engine.close();
    for (const file of names) await removeFile(join(temporaryFolder, file));
  }
}

async function removeFile(path: string): Promise<void> {
  if (await systemDisk.exists(path)) await systemDisk.remove(path);
}

/**
 * The row that the lake has, after destination filters. What an event does not bring along is null:
 * the environment of its source.
 */
function lakeRow(event: DeliveryEvent, region: string): Row {
  const { sourceNumber, sourceId, sourceSlug } = event;
  const message = exactMessage(event);
  const context = isObject(message['context']) ? message['context'] : {};
  const properties = isObject(message['properties']) ? message['properties'] : {};
  const isView = event.type === 'page' || event.type === 'screen';
  const viewText = (key: string): string | null =>
    textOf(message[key]) ?? (isView ? textOf(properties[key]) : null);
  const normal: NormalEvent = {
    sourceNumber,
    partition: event.partition,
    position: event.position,
    index: event.index,
    type: event.type,
    messageId: event.messageId,
    messageIdAssigned: false,
    userId: event.userId,
    anonymousId: event.anonymousId,
    groupId: textOf(message['groupId']) ?? textOf(context['groupId']),
    previousId: textOf(message['previousId']),
    event: textOf(message['event']),
    name: viewText('name'),
    category: viewText('category'),
    timestampMs: event.timestampMs,
    originalTimestampMs: parseTimestamp(message['originalTimestamp']) ?? event.timestampMs,
    sentAtMs: parseTimestamp(message['sentAt']),
    receivedAtMs: event.receivedAtMs,
    channel: textOf(message['channel']),
    message,
  };
  const source = { number: sourceNumber, id: sourceId, slug: sourceSlug, region, environment: '' };
  return { ...eventRow(normal, source), environment: null };
}
