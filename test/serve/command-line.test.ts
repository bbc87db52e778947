/** The commands against a running server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { CLI, NODE_FLAGS, runCli, startTestServer } from '../support/test-server.ts';
import type { TestServer } from '../support/test-server.ts';

let server: TestServer;

before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

describe('send', () => {
  test('one event from options', async () => {
    const { code, stdout } = await server.cli(
      ...'send --user u1 --event FromCLI --write-key'.split(' '),
      server.writeKey,
      '--properties',
      '{"n":1}',
    );
    assert.equal(code, 0);
    assert.match(stdout, /1 accepted, 0 refused/);
    const rows = await server.sqlUntil(
      `select user_id, properties from events where event = 'FromCLI'`,
      (found) => found.length === 1,
    );
    assert.deepEqual(rows, [{ user_id: 'u1', properties: '{"n":1}' }]);
  });

  test('a file of events: bad lines and refused events are named, the others sent', async () => {
    const lines = Array.from({ length: 350 }, (_, n) =>
      JSON.stringify({ type: 'track', userId: 'u', event: 'Filed', properties: { n } }),
    );
    lines[6] = '{"type":"track","event":"Filed"}';
    lines[9] = 'not json';
    const file = join(server.folder, 'events.ndjson');
    await writeFile(file, lines.join('\n'));
    const { code, stdout } = await server.cli(
      'send',
      file,
      '--write-key',
      server.writeKey,
      '--json',
    );
    assert.equal(code, 1);
    const result = JSON.parse(stdout) as { accepted: number; refused: { line: number }[] };
    assert.equal(result.accepted, 348);
    assert.deepEqual(
      result.refused.map(({ line }) => line).sort((a, b) => a - b),
      [7, 10],
    );
    await server.sqlUntil(
      `select count(*)::int as n from events where event = 'Filed'`,
      ([row]) => row?.['n'] === 348,
    );
  });

  test('a file that is not there is named', async () => {
    const { code, stderr } = await server.cli('send', 'none.ndjson', '--write-key', 'k');
    assert.equal(code, 1);
    assert.match(stderr, /Cannot read none\.ndjson/);
  });

  test('standard input', async () => {
    const { code } = await runCli(
      ['send', '-', '--write-key', server.writeKey, '--url', server.url],
      { input: '{"type":"track","userId":"u","event":"Piped"}\n\n', cwd: server.folder },
    );
    assert.equal(code, 0);
    await server.sqlUntil(`select 1 from events where event = 'Piped'`, (r) => r.length === 1);
  });

  test('an unknown key and an absent server fail with a reason', async () => {
    const refused = await server.cli('send', '--write-key', 'unknownKey1234', '--event', 'E');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /answered 401: Invalid write key/);
    const absent = await runCli([
      ...'send --write-key unknownKey1234 --event E --user u --attempts 1 --url'.split(' '),
      'http://127.0.0.1:9',
    ]);
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /does not answer/);
  });
});

describe('tail', () => {
  test('shows events as they arrive, by filter', async () => {
    const args = [
      ...'tail --json --type identify --user wanted --count 2 --config'.split(' '),
      server.configFile,
    ];
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { cwd: server.folder });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const exited = once(child, 'exit');
    const timer = setInterval(() => {
      void server.post('/v1/identify', { userId: 'wanted', traits: { plan: 'x' } });
      void server.post('/v1/identify', { userId: 'other' });
      void server.post('/v1/track', { userId: 'wanted', event: 'E' });
    }, 100);
    const [code] = (await exited) as [number];
    clearInterval(timer);
    assert.equal(code, 0);
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(entries.length, 2);
    for (const entry of entries) {
      assert.equal(entry['type'], 'identify');
      assert.equal(entry['userId'], 'wanted');
      assert.equal(entry['source'], 'test');
      assert.equal(entry['status'], 'stored');
    }
  });

  test('says which events came again', async () => {
    const args = [...'tail --status duplicate --count 1 --config'.split(' '), server.configFile];
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { cwd: server.folder });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const exited = once(child, 'exit');
    const timer = setInterval(() => {
      void server.post('/v1/track', { userId: 'u', event: 'Again', messageId: 'again' });
    }, 100);
    const [code] = (await exited) as [number];
    clearInterval(timer);
    assert.equal(code, 0);
    assert.match(text, /^[\d:.]+ {2}≡ duplicate {2}test {2}track {2}Again {2}u {2}\{\}\n$/);
  });
});

describe('a reader that has read enough', () => {
  test('ends the command without a word', async () => {
    const args = ['tail', '--json', '--config', server.configFile];
    const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { cwd: server.folder });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const closed = once(child, 'close');
    child.stdout.once('data', () => child.stdout.destroy());
    const timer = setInterval(() => {
      void server.post('/v1/track', { userId: 'u', event: 'E' });
    }, 100);
    const [code] = (await closed) as [number];
    clearInterval(timer);
    assert.deepEqual([code, stderr], [0, '']);
  });
});

describe('a declared destination whose secret is in the environment of the server alone', () => {
  test('hinders no command but those that read it', async () => {
    const file = join(server.folder, 'with-secret.yaml');
    const secret = '{url: https://crm.example/, sharedSecret: "${SECRET_THAT_IS_ELSEWHERE}"}';
    const declared = `destinations:\n  - {slug: crm, name: CRM, type: webhook, settings: ${secret}}`;
    const written = await readFile(server.configFile, 'utf8');
    const dataDir = (parse(written) as { dataDir: string }).dataDir;
    await writeFile(file, `dataDir: ${JSON.stringify(dataDir)}\n${declared}\n`);
    const inFolder = { cwd: server.folder };
    const asked = await runCli(['sql', 'select 1 as one', '--csv', '--config', file], inFolder);
    assert.deepEqual([asked.code, asked.stdout], [0, 'one\r\n1\r\n'], asked.stderr);
    assert.equal((await runCli(['sources', 'list', '--config', file], inFolder)).code, 0);
    for (const command of ['config', 'serve']) {
      const { code, stderr } = await runCli([command, '--config', file], inFolder);
      assert.equal(code, 1);
      assert.match(stderr, /sharedSecret: the environment has no SECRET_THAT_IS_ELSEWHERE/);
    }
  });
});

describe('sql', () => {
  test('table, JSON and CSV; a mistake is named and exits 1', async () => {
    const query = `select 1 as one, 'x' as letter`;
    const table = await server.cli('sql', query);
    assert.match(table.stdout, /one {2}letter\n─+ {2}─+\n1 {4}x/);
    const json = await server.cli('sql', query, '--json');
    assert.deepEqual(JSON.parse(json.stdout), [{ one: 1, letter: 'x' }]);
    assert.equal((await server.cli('sql', query, '--csv')).stdout, 'one,letter\r\n1,x\r\n');
    const wrong = await server.cli('sql', 'selec 1');
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /syntax error/);
  });
});

describe('sources and keys', () => {
  test('a source made at the command line takes events within a second', async () => {
    const made = await server.cli('sources', 'create', 'Étoile Shop', '--json');
    const { slug, writeKey } = JSON.parse(made.stdout) as { slug: string; writeKey: string };
    assert.equal(slug, 'etoile-shop');
    const headers = { Authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}` };
    const endMs = performance.now() + 5_000;
    for (;;) {
      const { status } = await server.post('/v1/track', { userId: 'u', event: 'New' }, headers);
      if (status === 200) break;
      assert.ok(performance.now() < endMs);
    }
    const rows = await server.sqlUntil(
      `select source from events where event = 'New'`,
      (found) => found.length === 1,
    );
    assert.deepEqual(rows, [{ source: 'etoile-shop' }]);
    // When a key was last used is kept to a few seconds.
    const usedMs = performance.now() + 15_000;
    for (;;) {
      const { stdout } = await server.cli('keys', 'list', '--source', slug, '--json');
      const [key] = JSON.parse(stdout) as { lastUsedAt: string | null }[];
      if (key?.lastUsedAt) break;
      assert.ok(performance.now() < usedMs, 'the last use is shown');
    }
    const list = await server.cli('sources', 'list', '--json');
    const slugs = (JSON.parse(list.stdout) as { slug: string }[]).map((source) => source.slug);
    assert.deepEqual(slugs.sort(), ['etoile-shop', 'test']);
    const keys = await server.cli('keys', 'list', '--json');
    assert.ok(!keys.stdout.includes(writeKey), 'keys are shown once');
  });
});

describe('inspect-log and verify', () => {
  test('a sound log: records with their positions, exit code 0', async () => {
    for (const event of ['One', 'Two', 'Three']) {
      await server.post('/v1/track', { userId: 'u', event });
    }
    const { code, stdout } = await server.cli('inspect-log', '--json', '--limit', '3', '--body');
    assert.equal(code, 0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.length, 4);
    assert.equal(lines[0]?.['position'], 64);
    assert.match(String(lines[0]?.['body']), /"userId"/);
    assert.equal(lines[1]?.['position'], lines[0]?.['next']);
    assert.deepEqual(lines[3]?.['damaged'], []);
  });

  test('an unfinished tail is no damage', async () => {
    const own = await startTestServer();
    await own.post('/v1/track', { userId: 'u', event: 'Whole' });
    await own.kill();
    const folder = join(own.dataDir, 'us/log/us-0');
    const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.log'));
    // A crash may come before it is written.
    await rm(join(folder, 'watermark'));
    await appendFile(join(folder, name), 'half a record that a crash has left behind, in bytes');
    const { code, stdout } = await own.cli('inspect-log');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /unfinished tail/);
    const again = await startTestServer({ folder: own.folder });
    assert.match(again.output(), /tail-cut/);
    const rows = await again.sql('select event from events');
    assert.deepEqual(rows, [{ event: 'Whole' }]);
    await again.stop();
  });

  test('a flipped bit is found by both; the other records stay readable', async () => {
    const own = await startTestServer();
    for (let n = 0; n < 20; n++) {
      await own.post('/v1/track', { userId: 'u', event: `Bit ${n}` });
    }
    await own.terminate();
    assert.equal((await own.cli('verify')).code, 0);
    const folder = join(own.dataDir, 'us/log/us-0');
    const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.log'));
    const file = await open(join(folder, name), 'r+');
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 700);
    byte[0] = (byte[0] ?? 0) ^ 4;
    await file.write(byte, 0, 1, 700);
    await file.close();
    const inspected = await own.cli('inspect-log', '--json', '--limit', '100');
    assert.equal(inspected.code, 1);
    const summary = JSON.parse(inspected.stdout.trim().split('\n').at(-1) ?? '') as {
      records: number;
      damaged: unknown[];
    };
    assert.equal(summary.records, 19);
    assert.equal(summary.damaged.length, 1);
    const verified = await own.cli('verify', '--json');
    assert.equal(verified.code, 1);
    assert.match(verified.stdout, /damaged from/);
    await rm(own.folder, { recursive: true });
  });

  test('a Parquet file that is gone, or has other rows, fails verify', async () => {
    const own = await startTestServer();
    await own.post('/v1/track', { userId: 'u', event: 'E' });
    await own.terminate();
    const day = join(own.dataDir, 'us/lake');
    const [folder = ''] = await readdir(day);
    const [name = ''] = await readdir(join(day, folder));
    await rm(join(day, folder, name));
    const { code, stdout } = await own.cli('verify', '--json');
    assert.equal(code, 1);
    assert.match(stdout, /is listed and not there/);
    await rm(own.folder, { recursive: true });
  });
});
