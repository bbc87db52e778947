/** Requests recorded from real SDKs, sent again byte for byte but for the key. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { rawPost } from '../support/raw-http.ts';
import { basicAuth, ROOT, startTestServer, WRITE_KEY } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

interface Captured {
  method?: string;
  url?: string;
  path?: string;
  headers: Record<string, string>;
  body?: Record<string, unknown>;
}

interface CapturedEvent {
  messageId: string;
  type?: string;
  groupId?: string;
}

const FOLDER = join(ROOT, 'test/fixtures/captures');
let server: TestServer;

before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

for (const name of (await readdir(FOLDER)).sort()) {
  test(`${name}: every request is accepted, every event stored that Segment takes`, async () => {
    const requests = JSON.parse(await readFile(join(FOLDER, name), 'utf8')) as Captured[];
    const sent: string[] = [];
    for (const { method = 'POST', url, path = url ?? '', headers, body } of requests) {
      if (method !== 'POST' || body === undefined || /\/(m|token)\/?$/.test(path)) continue;
      const events = (body['batch'] ?? [body]) as CapturedEvent[];
      const refused = events.filter(isGroupOfNobody);
      sent.push(
        ...events.filter((event) => !isGroupOfNobody(event)).map((event) => event.messageId),
      );
      const answer = await rawPost(server, path, replayed(headers), encoded(headers, body));
      assert.equal(answer.status, 200, answer.body);
      const said = JSON.parse(answer.body) as { errors?: { index: number; code: string }[] };
      assert.deepEqual(
        (said.errors ?? []).map(({ index, code }) => ({ index, code })),
        refused.map((event) => ({ index: events.indexOf(event), code: 'id_required' })),
      );
      if (refused.length === 0) assert.deepEqual(said, { success: true });
    }
    assert.ok(sent.length > 0, 'the capture holds events');
    const ids = sent.map((id) => `'${id}'`).join(',');
    const rows = await server.sqlUntil(
      `select message_id from events where message_id in (${ids})`,
      (found) => found.length === new Set(sent).size,
    );
    assert.deepEqual(rows.map((row) => row['message_id']).sort(), [...new Set(sent)].sort());
  });
}

/** The app that was recorded calls `group()` without saying which, and Segment wants to know. */
function isGroupOfNobody({ type, groupId }: CapturedEvent): boolean {
  return type === 'group' && groupId === undefined;
}

/** What the SDK sent, with our key wherever it had its own. */
function replayed(headers: Record<string, string>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (/^(host|content-length|transfer-encoding|connection)$/i.test(name)) continue;
    kept[name] = /^authorization$/i.test(name) ? basicAuth(WRITE_KEY) : value;
  }
  return kept;
}

function encoded(headers: Record<string, string>, body: Record<string, unknown>): Buffer {
  const withKey = 'writeKey' in body ? { ...body, writeKey: WRITE_KEY } : body;
  const bytes = Buffer.from(JSON.stringify(withKey));
  const encoding = headers['Content-Encoding'] ?? headers['content-encoding'];
  return encoding === 'gzip' ? gzipSync(bytes) : bytes;
}
