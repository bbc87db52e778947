/** One event end to end: received, judged, loaded, and what each destination did with it. */
import { isInternalSlug } from '../../base/internal-source.ts';
import { schemaName, tableName } from '../../lake/schema/column-names.ts';
import type { DeliveryClient } from '../../deliver/delivery-threads.ts';
import type { LakeService } from '../../query/lake-service.ts';
import { valuesOf } from '../../events/raw-context.ts';
import { REPAIRS_KEY, toldRepairs } from '../../events/repairs.ts';
import type { ToldRepair } from '../../events/repair-shapes.ts';
import { literal } from '../sql/lake-rows.ts';
import type { MessageTrace } from './trace-shapes.ts';

const COPIES_MAX = 20;
const TIMEOUT_MS = 15_000;

/** Asks SQL, then each delivery thread. @throws MillraceError as these do. */
export async function traceMessage(
  messageId: string,
  lake: LakeService,
  delivery: DeliveryClient,
): Promise<MessageTrace> {
  const id = literal(messageId);
  const stored = await rowsOf(
    lake,
    `select source, type, event, received_at, timestamp, partition, position, index, extra
     from events where message_id = ${id} order by received_at`,
  );
  const rejected = await rowsOf(
    lake,
    `select source, type, received_at, partition, position, index, code
     from rejected where message_id = ${id} order by received_at`,
  );
  const copies: MessageTrace['copies'] = [];
  for (const row of stored) {
    const place = placeOf(row);
    copies.push({
      verdict: 'stored',
      ...aboutOf(row),
      ...place,
      timestamp: String(row['timestamp']),
      reason: null,
      repairs: repairsOf(row),
      lake: await lakeFileOf(lake, row),
      warehouse: isInternalSlug(String(row['source'])) ? null : warehouseRowOf(row, id),
      destinations: await delivery.askAll('trace', place),
    });
  }
  for (const row of rejected) {
    copies.push({
      verdict: 'rejected',
      ...aboutOf(row),
      ...placeOf(row),
      timestamp: null,
      reason: String(row['code']),
      repairs: [],
      lake: 'table rejected',
      warehouse: null,
      destinations: [],
    });
  }
  return { messageId, copies };
}

/** To the last digit: what was sent is not parsed. */
function repairsOf({ extra }: Row): ToldRepair[] {
  if (typeof extra !== 'string') return [];
  const sent = valuesOf(extra).get(REPAIRS_KEY);
  return sent === undefined ? [] : toldRepairs(valuesOf(sent));
}

async function lakeFileOf(lake: LakeService, row: Row): Promise<string> {
  const { partition, position } = placeOf(row);
  const day = String(row['received_at']).slice(0, 10);
  const path = await lake.locate({ partition, position, day });
  return path ?? 'in memory, not yet in a file';
}

/** The generated view that has the event, and how to find it there. @param id a SQL literal. */
function warehouseRowOf(row: Row, id: string): string {
  const type = String(row['type']);
  const fixed = TABLES[type] ?? type;
  const table = type === 'track' ? tableName(String(row['event'] ?? '')) : fixed;
  return `${schemaName(String(row['source']))}.${table} where id = ${id}`;
}

const TABLES: Readonly<Record<string, string>> = {
  identify: 'identifies',
  page: 'pages',
  screen: 'screens',
  group: 'groups',
  alias: 'aliases',
};

type Row = Record<string, unknown>;

async function rowsOf(lake: LakeService, sql: string): Promise<Row[]> {
  const request = { sql, format: 'rows', timeoutMs: TIMEOUT_MS, rowsMax: COPIES_MAX } as const;
  const result = await lake.query(request);
  if (result.format !== 'rows') return [];
  const names = result.columns.map(({ name }) => name);
  return result.rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])));
}

function placeOf(row: Row): { partition: string; position: number; index: number } {
  return {
    partition: String(row['partition']),
    position: Number(row['position']),
    index: Number(row['index']),
  };
}

function aboutOf(row: Row) {
  return {
    source: String(row['source']),
    type: row['type'] === null ? null : String(row['type']),
    event: row['event'] ? String(row['event']) : null,
    receivedAt: String(row['received_at']),
  };
}
