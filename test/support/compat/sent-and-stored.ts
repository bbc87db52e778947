/**
 * What an SDK sent, as the front recorded it, against what SQL answers: every event that was
 * acknowledged is stored, once, with the text that was sent.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { RecordedRequest } from '../fault-front.ts';
import { basicAuth } from '../test-server.ts';
import type { Row, TestServer } from '../test-server.ts';
import { itemsOf, membersOf } from './raw-json.ts';

/** Compared as texts: they promise to be what was sent, byte for byte. */
const OBJECTS = ['properties', 'traits'] as const;
/** Fields and their columns. A number as an id is its digits, and empty is absent. */
const SCALARS = {
  userId: 'user_id',
  anonymousId: 'anonymous_id',
  groupId: 'group_id',
  previousId: 'previous_id',
  event: 'event',
  name: 'name',
  category: 'category',
};
const SETTLER = 'settled';

/** Events that a request with status 200 accepted, by messageId; each without one has its own. */
export function acknowledged(requests: readonly RecordedRequest[]): Map<string, string> {
  const items = new Map<string, string>();
  for (const { body, answer } of requests) {
    if (answer?.status !== 200) continue;
    const said = JSON.parse(answer.body) as { errors?: { index: number }[] };
    const refused = new Set((said.errors ?? []).map(({ index }) => index));
    for (const [at, item] of itemsOfBody(body).entries()) {
      if (refused.has(at)) continue;
      items.set(textAt(item, 'messageId') ?? `without-id-${items.size}`, item);
    }
  }
  return items;
}

/** Fails unless what was acknowledged is stored as it was sent. `key` is the key of `source`. */
export async function assertKept(
  server: TestServer,
  source: string,
  key: string,
  requests: readonly RecordedRequest[],
): Promise<void> {
  const items = acknowledged(requests);
  await settle(server, key);
  const rows = await server.sql(
    `select * from events where source = '${source}' and user_id is distinct from '${SETTLER}'`,
  );
  const byId = new Map(rows.map((row) => [String(row['message_id']), row]));
  assert.equal(byId.size, rows.length, 'an event is stored twice');
  const lost = [...items.keys()].filter((id) => !id.startsWith('without-id') && !byId.has(id));
  assert.deepEqual(lost, [], 'acknowledged, and not stored');
  // Those without a messageId, and those whose answer never left the server, can be more.
  assert.ok(rows.length >= items.size, `${items.size} acknowledged, ${rows.length} stored`);
  // Without a messageId it can only be looked for.
  const stored = new Set(rows.map((row) => JSON.stringify(partsOf(row))));
  for (const [id, item] of items) {
    const row = byId.get(id);
    if (row !== undefined) assert.deepEqual(partsOf(row), sentParts(item, row), 'as it was sent');
    else assert.ok(stored.has(JSON.stringify(sentParts(item, {}))), `not as it was sent: ${item}`);
  }
}

/** An event behind all others: when it is there, whatever came before it is judged. */
async function settle(server: TestServer, key: string): Promise<void> {
  const messageId = randomUUID();
  const body = { userId: SETTLER, event: 'Settled', messageId };
  const answer = await server.post('/v1/track', body, { Authorization: basicAuth(key) });
  assert.equal(answer.status, 200);
  const query = `select 1 from events where message_id = '${messageId}'`;
  await server.sqlUntil(query, (found) => found.length > 0);
}

function partsOf(row: Row): Row {
  const columns = [...OBJECTS, ...Object.values(SCALARS)];
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}

/** What the row should have; objects that were not sent are the row's own affair. */
function sentParts(item: string, row: Row): Row {
  const members = membersOf(item);
  const parts: Row = {};
  for (const name of OBJECTS) {
    const sent = members.get(name);
    parts[name] = sent?.startsWith('{') === true ? sent : (row[name] ?? null);
  }
  for (const [name, column] of Object.entries(SCALARS)) {
    const sent = members.get(name);
    const text = sent?.startsWith('"') === true ? String(JSON.parse(sent)) : sent;
    parts[column] = text === undefined || text === 'null' || text === '' ? null : text;
  }
  return parts;
}

function itemsOfBody(body: string): string[] {
  const batch = membersOf(body).get('batch');
  return batch === undefined ? [body] : itemsOf(batch);
}

function textAt(item: string, name: string): string | undefined {
  const text = membersOf(item).get(name);
  return text?.startsWith('"') === true && text !== '""' ? String(JSON.parse(text)) : undefined;
}
