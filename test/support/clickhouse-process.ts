/**
 * The engine of ClickHouse behind its HTTP interface, as far as the tests need it: a statement is
 * the body of a POST. A process of its own, because a crash of native code must not end a test.
 * Started by clickhouse-server.ts with a folder, a password, and the folder that has the engine.
 */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ACCESS_DENIED = 516;
/** What we use of the engine, which is fetched when a test wants it and so has no types here. */
interface Engine {
  Session: new (folder: string) => { query(statement: string, format: string): string };
}

const [, , folder = '', password = '', engineFolder = ''] = process.argv;
const { Session } = createRequire(join(engineFolder, 'package.json'))('chdb') as Engine;
const session = new Session(folder);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const refuse = (code: number, text: string) => {
      response.writeHead(code === ACCESS_DENIED ? 403 : 500, {
        'x-clickhouse-exception-code': code,
      });
      response.end(text);
    };
    if (request.headers['x-clickhouse-key'] !== password) {
      return refuse(ACCESS_DENIED, `Code: ${ACCESS_DENIED}. DB::Exception: Authentication failed`);
    }
    try {
      const text = Buffer.concat(chunks).toString('utf8');
      const result = session.query(text, 'TabSeparated');
      // Errors while values are read come as text.
      response.end(result);
    } catch (error) {
      const text = String(error);
      refuse(Number(/Code: (\d+)/.exec(text)?.[1] ?? 0), text);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
process.on('disconnect', () => process.exit(0));
