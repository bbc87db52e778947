/** What a new user and an operator do with the process: start, first key, signals, second start. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicAuth, CLI, NODE_FLAGS, runCli, startTestServer } from '../support/test-server.ts';
import { until } from '../support/until.ts';

async function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'millrace-start-'));
}

test('the first start makes a source and prints, in under ten lines, all that is needed', async () => {
  const folder = await emptyFolder();
  const args = ['serve', '--port', '0', '--admin-port', '0'];
  const child = spawn(process.execPath, [...NODE_FLAGS, CLI, ...args], { cwd: folder });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  while (!text.includes('Dashboard:')) await sleep(20);
  try {
    assert.ok(text.trim().split('\n').length < 10, text);
    const key = /shown once\): (\S+)/.exec(text)?.[1] ?? '';
    assert.match(key, /^[A-Za-z0-9]{32}$/);
    const url = /ready: (\S+)/.exec(text)?.[1] ?? '';
    // The curl line is pasted as it stands; here its parts are used, for want of a shell.
    const curl = /^Send: +curl (\S+) -u (\S+): -H '([^:]+): ([^']+)' -d '([^']+)'$/m.exec(text);
    assert.ok(curl, text);
    const [, target = '', user = '', header = '', value = '', body = ''] = curl;
    assert.equal(target, `${url}/v1/track`);
    const response = await fetch(target.replace('localhost', '127.0.0.1'), {
      method: 'POST',
      headers: { [header]: value, Authorization: basicAuth(user) },
      body,
    });
    assert.equal(response.status, 200);
    const sql = /millrace sql "([^"]+)"/.exec(text)?.[1] ?? '';
    for (let attempt = 0; ; attempt++) {
      const { code, stdout } = await runCli(['sql', sql, '--json'], { cwd: folder });
      assert.equal(code, 0);
      const rows = JSON.parse(stdout) as { event: string }[];
      if (rows.length === 1 && rows[0]?.event === 'Hello') break;
      assert.ok(attempt < 50, stdout);
    }
    const [, admin = '', invitation] = /Dashboard: (\S+)\/app\/#invitation=(\S+)/.exec(text) ?? [];
    const page = await fetch(`${admin}/`);
    assert.equal(page.url, `${admin}/app/`);
    assert.match(await page.text(), /<title>Millrace/);
    const accept = (email: string) =>
      fetch(`${admin}/admin/invitations/accept`, {
        method: 'POST',
        body: JSON.stringify({ invitation, email, password: 'correct horse battery' }),
      });
    const owner = await accept('first@example.com');
    assert.equal(owner.status, 201);
    assert.equal(((await owner.json()) as { role: string }).role, 'owner');
    assert.equal((await accept('second@example.com')).status, 404, 'the link works once');
    const tokenMode = (await stat(join(folder, 'data/admin-token'))).mode & 0o777;
    assert.equal(tokenMode, 0o600, 'the admin token is readable by its owner only');
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await rm(folder, { recursive: true });
  }
});

test('SIGTERM under load: everything acknowledged is stored, exit code 0, SQL works stopped', async () => {
  const server = await startTestServer();
  const acknowledged: string[] = [];
  let isStopping = false;
  const send = async (client: number): Promise<void> => {
    for (let n = 0; !isStopping; n++) {
      const messageId = `term-${client}-${n}`;
      try {
        const response = await server.post('/v1/track', { userId: 'u', event: 'T', messageId });
        if (response.status === 200) acknowledged.push(messageId);
      } catch {
        return; // The listener is closed: not acknowledged.
      }
    }
  };
  const sending = Array.from({ length: 8 }, (_, client) => send(client));
  await until('events come in', () => acknowledged.length > 50);
  const code = await server.terminate();
  isStopping = true;
  await Promise.all(sending);
  assert.equal(code, 0, server.output());
  const result = await server.cli('sql', `select message_id from events`, '--csv');
  assert.equal(result.code, 0, result.stderr);
  const stored = new Set(result.stdout.trim().split('\r\n').slice(1));
  // The row cap of the command line is 10,000 by default.
  if (acknowledged.length < 9_000) {
    assert.deepEqual(
      acknowledged.filter((id) => !stored.has(id)),
      [],
    );
  }
  assert.equal((await server.cli('verify')).code, 0);
  await rm(server.folder, { recursive: true });
});

test('a second SIGTERM ends the process at once', async () => {
  const server = await startTestServer();
  // A request whose body never ends holds the first one up until the deadline.
  const headers = { Authorization: basicAuth(server.writeKey), Expect: '100-continue' };
  const hanging = request(`${server.url}/v1/track`, { method: 'POST', headers });
  hanging.on('error', () => undefined).flushHeaders();
  await once(hanging, 'continue');
  server.process.kill('SIGTERM');
  await until('nobody else is let in', () =>
    fetch(server.url).then(
      () => false,
      () => true,
    ),
  );
  assert.equal(server.process.exitCode, null, 'the first one waits for what is in flight');
  server.process.kill('SIGTERM');
  const [code] = (await once(server.process, 'exit')) as [number | null];
  assert.equal(code, 130, 'a stop that came to its deadline has another code');
  hanging.destroy();
  await rm(server.folder, { recursive: true });
});

test('a second server on one data folder is refused, naming the first', async () => {
  const server = await startTestServer();
  try {
    const second = await runCli(['serve', '--config', server.configFile], { cwd: server.folder });
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`process ${server.process.pid}`));
  } finally {
    await server.stop();
  }
});

test('a port that is taken: a clear message, exit code 1, and no key is wasted', async () => {
  const server = await startTestServer();
  const folder = await emptyFolder();
  try {
    const args = ['serve', '--port', new URL(server.url).port, '--admin-port', '0'];
    const env = { MILLRACE_COLLECTOR_HOST: '127.0.0.1' };
    const failed = await runCli(args, { cwd: folder, env });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /EADDRINUSE/);
    const keys = await runCli(['keys', 'list', '--json'], { cwd: folder });
    assert.deepEqual(JSON.parse(keys.stdout), []);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});

test('a configuration that is not understood stops the start, with path and allowed values', async () => {
  const folder = await emptyFolder();
  await writeFile(join(folder, 'millrace.yaml'), 'collector:\n  prot: 1\n  threads: none\n');
  const result = await runCli(['serve'], { cwd: folder });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /collector\.prot: unknown key; did you mean port\?/);
  assert.match(result.stderr, /collector\.threads: "none" is not allowed \(allowed: auto/);
  await rm(folder, { recursive: true });
});

test('config --print shows the effective configuration with secrets masked', async () => {
  const folder = await emptyFolder();
  const secret = 'secretWriteKey0123456789';
  const yaml = `sources:\n  - { name: S, slug: s, writeKeys: [${secret}] }\n`;
  await writeFile(join(folder, 'millrace.yaml'), yaml);
  const env = { MILLRACE_COLLECTOR_PORT: '9999' };
  const result = await runCli(['config', '--print'], { cwd: folder, env });
  assert.equal(result.code, 0);
  assert.match(result.stdout, /port: 9999/);
  assert.ok(!result.stdout.includes(secret));
  await rm(folder, { recursive: true });
});

test('usage errors exit 2, help exits 0, and every command has help', async () => {
  assert.equal((await runCli(['nonsense'])).code, 2);
  assert.equal((await runCli(['sql'])).code, 2);
  assert.equal((await runCli(['--help'])).code, 0);
  const commands = 'serve send tail sql keys sources inspect-log verify config'.split(' ');
  for (const command of commands) {
    const { code, stdout } = await runCli([command, '--help']);
    assert.equal(code, 0, command);
    assert.match(stdout, /Usage: millrace/);
  }
});

test('version.ts and package.json agree', async () => {
  const { VERSION } = await import('../../src/base/version.ts');
  const path = new URL('../../package.json', import.meta.url);
  const { version } = JSON.parse(await readFile(path, 'utf8')) as { version: string };
  assert.equal(VERSION, version);
});
