/** The rows of the lake are what `normaliseRecord` says, for any body that is accepted. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBody } from '../../src/events/decode.ts';
import { decodePayload, encodeEnvelope } from '../../src/events/envelope.ts';
import { MARK_BYTES } from '../../src/events/event-marks.ts';
import { FINGERPRINT_BYTES, writeTextFingerprint } from '../../src/events/fingerprint.ts';
import { DEFAULT_EVENT_LIMITS } from '../../src/events/limits.ts';
import { normaliseRecord } from '../../src/events/normalise.ts';
import { createRawItems } from '../../src/events/raw-items.ts';
import { readRawRecord } from '../../src/events/raw-record.ts';
import { marksOf } from '../../src/events/record-marks.ts';
import { routeByName } from '../../src/events/routes.ts';
import type { RouteName } from '../../src/events/routes.ts';
import { EVENT_COLUMNS, eventRow, rowLine } from '../../src/lake/lake-columns.ts';
import type { Row } from '../../src/lake/lake-columns.ts';
import { openEngine } from '../../src/lake/sql-engine.ts';
import { lineShared, putEventLine } from '../../src/lake/load/event-lines.ts';
import {
  eventRowsSql,
  jsonLinesRelation,
  linesRelation,
} from '../../src/lake/load/event-rows-sql.ts';
import { createEventShapes, learnEvents } from '../../src/lake/load/learn-events.ts';
import { eventValues, putValues } from '../../src/lake/load/event-values.ts';
import { createByteBuffer } from '../../src/base/byte-buffer.ts';
import { ROOT } from '../support/test-server.ts';
import { arbitraryRequests } from '../support/arbitrary-requests.ts';
import type { ArbitraryRequest } from '../support/arbitrary-requests.ts';

const SOURCE = { number: 7, id: 'src_7', slug: 'shop', region: 'us', environment: 'staging' };
const RECEIVED_MS = Date.parse('2026-06-01T12:00:00.123Z');
interface Laid {
  lines: Buffer;
  longest: number;
  json: string[];
  expected: Map<string, Row>;
  copied: number;
}

/** Lays out the rows of every body that the collector accepts. */
function layOut(
  bodies: readonly ArbitraryRequest[],
  shapes = createEventShapes(() => undefined),
  userAgent = 'Agent/1',
): Laid {
  const lines = createByteBuffer();
  const json: string[] = [];
  const expected = new Map<string, Row>();
  const items = createRawItems();
  let [longest, copied] = [0, 0];
  bodies.forEach(({ route: name, body, ip }, position) => {
    const route = routeByName(name);
    assert.ok(route);
    const decoded = decodeBody(body, route.shape, DEFAULT_EVENT_LIMITS, route.eventType);
    if (!decoded.ok) return;
    const { eventCount, rejections } = decoded;
    const head = encodeEnvelope({
      kind: 'accepted',
      route: name,
      receivedAtMs: RECEIVED_MS,
      sourceNumber: SOURCE.number,
      keyNumber: 1,
      eventCount,
      ip,
      userAgent,
      isClient: route.isClient,
      rejections,
      marks: null,
    });
    const payload = Buffer.concat([head, body]);
    const { events, repairs } = normaliseRecord(payload, { partition: 'us-0', position });
    for (const event of events) {
      const row = eventRow(event, SOURCE, repairs.get(event.index));
      expected.set(`${position}:${event.index}`, row);
    }
    const { envelope, body: sent } = decodePayload(payload);
    const record = readRawRecord({ partition: 'us-0', position }, envelope, sent, items);
    const shared = lineShared(record);
    const marks = Buffer.from(marksOf(envelope, record.body, items));
    const shaped = learnEvents(shapes, shared, SOURCE.slug);
    for (const event of events) {
      const at = event.index * MARK_BYTES;
      const fingerprint = Buffer.alloc(FINGERPRINT_BYTES);
      if (!event.messageIdAssigned) {
        writeTextFingerprint(fingerprint, 0, SOURCE.number, event.messageId);
      }
      assert.deepEqual(marks.subarray(at, at + FINGERPRINT_BYTES), fingerprint);
      const before = lines.length;
      shaped.observe(event.index);
      const hasRepeats = items.sharedRepeats || items.repeats[event.index] === 1;
      if (!hasRepeats && putEventLine(lines, shared, event.index)) copied++;
      else {
        const line = putValues(lines, eventValues(shared, event.index, hasRepeats));
        if (line !== null) json.push(line);
      }
      longest = Math.max(longest, lines.length - before);
    }
  });
  return {
    lines: Buffer.from(lines.bytes.subarray(0, lines.length)),
    longest,
    json,
    expected,
    copied,
  };
}

/** The rows that the SQL engine makes of them. */
async function rowsOf({ lines, longest, json }: Laid): Promise<Record<string, unknown>[]> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-lines-'));
  const engine = await openEngine({
    memoryLimit: '256MB',
    threads: 1,
    folders: [folder],
    temporaryRoot: folder,
  });
  try {
    await writeFile(join(folder, 'lines'), lines);
    await writeFile(join(folder, 'json'), json.map((line) => `${line}\n`).join(''));
    const relations = [linesRelation(join(folder, 'lines'), longest)];
    if (json.length > 0) relations.push(jsonLinesRelation(join(folder, 'json'), 1_000_000));
    // As Parquet, which is what queries read.
    const path = join(folder, 'rows.parquet');
    await engine.connection.run(
      `copy (${eventRowsSql(relations, 'us', [SOURCE])}) to '${path}' (format parquet)`,
    );
    const reader = await engine.connection.runAndReadAll(`select * from read_parquet('${path}')`);
    return reader.getRowObjectsJson();
  } finally {
    engine.close();
    await rm(folder, { recursive: true });
  }
}

/** Documents as values and times as numbers, so that spelling does not matter. */
function comparable(row: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(EVENT_COLUMNS).map(([name, type]) => {
    const value = row[name];
    if (value === null || value === undefined) return [name, null];
    // Printed once more, as JSON.stringify prints what no double holds.
    if (type === 'JSON') return [name, reparsed(JSON.parse(String(value)))];
    if (type === 'TIMESTAMP') return [name, Date.parse(`${String(value).replace(' ', 'T')}Z`)];
    return [name, String(value)];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function reparsed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

function expectedRow(row: Row): Record<string, unknown> {
  const plain = JSON.parse(rowLine(row)) as Record<string, unknown>;
  for (const [name, type] of Object.entries(EVENT_COLUMNS)) {
    if (type === 'JSON' && plain[name] !== null) plain[name] = JSON.stringify(plain[name]);
  }
  return comparable(plain);
}

test('every accepted body makes the rows that its normal form says', async () => {
  const bodies = fc.sample(arbitraryRequests, 6_000);
  const laid = layOut(bodies);
  const rows = await rowsOf(laid);
  assert.ok(laid.expected.size > 2_000, `${laid.expected.size} events were accepted`);
  assert.ok(laid.copied > laid.expected.size / 8, `${laid.copied} were copied`);
  assert.ok(laid.json.length > 0, 'some cannot be said in a line');
  assert.equal(rows.length, laid.expected.size);
  for (const row of rows) {
    const position = Number(row['position']);
    const expected = laid.expected.get(`${position}:${Number(row['index'])}`);
    assert.ok(expected);
    const body = bodies[position]?.body.toString();
    assert.deepEqual(comparable(row), expectedRow(expected), `${bodies[position]?.route} ${body}`);
  }
});

test('what SDKs were recorded to send is copied, every event', async () => {
  const folder = join(ROOT, 'test/fixtures/captures');
  const requests: ArbitraryRequest[] = [];
  for (const name of await readdir(folder)) {
    const captured = JSON.parse(await readFile(join(folder, name), 'utf8')) as Captured[];
    for (const { url, path = url ?? '', body } of captured) {
      const route = routeOf(path);
      if (body === undefined || route === null) continue;
      requests.push({ route, body: Buffer.from(JSON.stringify(body)), ip: '203.0.113.7' });
    }
  }
  const laid = layOut(requests);
  assert.ok(laid.expected.size > 20, `${laid.expected.size} events`);
  assert.equal(laid.copied, laid.expected.size);
});

interface Captured {
  url?: string;
  path?: string;
  body?: object;
}

function routeOf(path: string): RouteName | null {
  const name = /^\/v1\/(\w+)\/?$/.exec(path)?.[1];
  return name === undefined || name === 'm' ? null : (name as RouteName);
}

test('no object of a row has a key twice: SQL would take the first, and the last one counts', async () => {
  const rows = await rowsOf(layOut(fc.sample(arbitraryRequests, 3_000)));
  const documents = Object.entries(EVENT_COLUMNS).filter(([, type]) => type === 'JSON');
  for (const row of rows) {
    for (const [name] of documents) {
      const text = String(row[name] ?? 'null');
      // Two lone surrogates are two keys, and one where there is UTF-8 only.
      if (text.includes('\\ufffd')) continue;
      assert.equal(keysWritten(text), keysRead(JSON.parse(text)), text);
    }
  }
});

function keysWritten(text: string): number {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"\s*(:)?/g)].filter(([, colon]) => colon).length;
}

function keysRead(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, inner) => sum + keysRead(inner), own);
}

test('what is said twice goes, and nothing beside it changes', async () => {
  const event =
    '"type":"track","event":"E","userId":"u","messageId":"m",' +
    '"properties":{"n":12345678901234567890, "a":1, "a":2.0,"list":[{"price":1,"price":2.50}]},' +
    '"traits":{"n":12345678901234567890, "z":-0},' +
    '"integrations":{"All":true,"All":false},"_metadata":{"b":1,"b":2},"own":{"c":1,"c":1E2}';
  const shared = '"context":{"d":1,"d":2},"integrations":{"All":true,"All":true,"X":1.0}';
  const body = Buffer.from(`{${shared},"batch":[{${event}}]}`);
  const [row] = await rowsOf(layOut([{ route: 'batch', body, ip: '' }]));
  assert.equal(row?.['properties'], '{"n":12345678901234567890,"a":2.0,"list":[{"price":2.50}]}');
  assert.equal(row?.['traits'], '{"n":12345678901234567890, "z":-0}');
  assert.equal(row?.['context'], '{"d":2}');
  assert.equal(row?.['integrations'], '{"All":false,"X":1.0}');
  assert.equal(row?.['metadata'], '{"b":2}');
  assert.equal(row?.['extra'], '{"own":{"c":1E2}}');
});

test('keys that one hash takes for each other are two columns of the warehouse', () => {
  const learnt: string[] = [];
  const shapes = createEventShapes(({ message }) => {
    learnt.push(...Object.keys(message['properties'] as object));
  });
  for (const key of ['liquid', 'costarring', 'altarage', 'zinke', 'declinate', 'macallums']) {
    const body = Buffer.from(`{"userId":"u","event":"E","properties":{"${key}":1}}`);
    layOut([{ route: 'track', body, ip: '' }], shapes);
  }
  assert.equal(new Set(learnt).size, 6);
});

test('what is filled in from outside of the event is learnt too', () => {
  const learnt: unknown[] = [];
  const shapes = createEventShapes(({ message }) => learnt.push(message['context']));
  const direct = (value: boolean) =>
    Buffer.from(`{"userId":"u","event":"E","context":{"direct":${value}}}`);
  layOut([{ route: 'track', body: direct(false), ip: '1.2.3.4' }], shapes);
  layOut([{ route: 'track', body: direct(true), ip: '1.2.3.4' }], shapes);
  assert.deepEqual(learnt, [{ direct: false }, { direct: true, ip: '1.2.3.4' }]);
  learnt.length = 0;
  const pixel = Buffer.from('{"userId":"u","name":"N"}');
  layOut([{ route: 'pixel/page', body: pixel, ip: '' }], shapes, '');
  layOut([{ route: 'pixel/page', body: pixel, ip: '' }], shapes, 'Agent/2');
  assert.deepEqual(learnt, [{}, { userAgent: 'Agent/2' }]);
});

test('documents stay as they were sent, to the last digit', async () => {
  const properties = `{"big":12345678901234567890123,"id":9007199254740993, "one": 1.0,"e":1e2}`;
  const traits = `{"name":"caf\\u00e9 \\ud83d\\ude00"}`;
  const body = Buffer.from(
    `{"batch":[{"type":"track","event":"E","userId":"u","properties":${properties},` +
      `"traits":${traits},"_metadata":[1.50],"own":0.10}]}`,
  );
  const [row] = await rowsOf(layOut([{ route: 'batch', body, ip: '' }]));
  assert.equal(row?.['properties'], properties);
  assert.equal(row?.['traits'], traits);
  assert.equal(row?.['metadata'], '[1.50]');
  assert.equal(row?.['extra'], '{"own":0.10}');
});
