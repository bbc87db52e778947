/**
 * How far each stream of a destination is stored, in the database itself: it moves in the
 * transaction that stores the rows. Beside it stands what was refused on the way there, so that a
 * batch that comes again is answered as the first time.
 */
import type { DeliveryBatch } from '../destination-contract.ts';
import type { Connection } from './postgres-connection.ts';

/** Why the database refused an event, by its place in the batch. */
export type Refusals = Map<number, string>;

interface Refused {
  position: number;
  index: number;
  message: string;
}

export interface Cursor {
  /** True when every event of the batch was stored or refused before. */
  isDone: boolean;
  /** When it is done: what was refused. */
  refusals: Refusals;
}

function streamOf({ replayId }: DeliveryBatch): string {
  return replayId ?? 'live';
}

/** Where the batch ends in each of its partitions, in the order in which writers lock them. */
function endsOf({ ranges }: DeliveryBatch): [partition: string, end: number][] {
  const ends = new Map<string, number>();
  for (const { partition, to } of ranges)
    ends.set(partition, Math.max(ends.get(partition) ?? 0, to));
  return [...ends].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Reads the cursors of the batch's partitions, and locks them against a second writer. */
export async function takeCursor(
  connection: Connection,
  batch: DeliveryBatch,
  destinationId: string,
): Promise<Cursor> {
  const ends = endsOf(batch);
  const rows = await connection.query<{
    partition: string;
    position: string;
    refused: Refused[];
  }>(
    `insert into millrace.cursors as c (destination, stream, partition, position)
     select $1, $2, partition, 0 from unnest($3::text[]) as partition
     on conflict (destination, stream, partition) do update set position = c.position
     returning partition, position, refused`,
    [destinationId, streamOf(batch), ends.map(([partition]) => partition)],
  );
  const cursors = new Map(rows.map((row) => [row.partition, row]));
  const isDone =
    ends.length > 0 &&
    ends.every(([partition, end]) => Number(cursors.get(partition)?.position) >= end);
  const refusals: Refusals = new Map();
  if (!isDone) return { isDone, refusals };
  batch.events.forEach(({ partition, position, index }, ordinal) => {
    const refused = cursors
      .get(partition)
      ?.refused.find((one) => one.position === position && one.index === index);
    if (refused) refusals.set(ordinal, refused.message);
  });
  return { isDone, refusals };
}

/** Moves the cursors behind the batch. */
export async function advanceCursor(
  connection: Connection,
  batch: DeliveryBatch,
  destinationId: string,
  refusals: Refusals,
): Promise<void> {
  const places = endsOf(batch).map(([partition, position]) => {
    const refused = [...refusals].flatMap(([ordinal, message]): Refused[] => {
      const event = batch.events[ordinal];
      if (event?.partition !== partition) return [];
      return [{ position: event.position, index: event.index, message }];
    });
    return { partition, position, refused };
  });
  await connection.query(
    `update millrace.cursors c
     set position = greatest(c.position, r.position), refused = r.refused, updated_at = now()
     from json_to_recordset($3::json) as r(partition text, position bigint, refused jsonb)
     where c.destination = $1 and c.stream = $2 and c.partition = r.partition`,
    [destinationId, streamOf(batch), JSON.stringify(places)],
  );
}
