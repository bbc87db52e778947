/** The yardstick: DuckDB reads events, one a line, into a table. Argument: the file of lines. */
import { DuckDBInstance } from '@duckdb/node-api';

const [file = ''] = process.argv.slice(2);
const COLUMNS = {
  type: 'VARCHAR',
  event: 'VARCHAR',
  name: 'VARCHAR',
  messageId: 'VARCHAR',
  userId: 'VARCHAR',
  anonymousId: 'VARCHAR',
  timestamp: 'TIMESTAMP',
  properties: 'JSON',
  traits: 'JSON',
  context: 'JSON',
  integrations: 'JSON',
};

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
const startedMs = performance.now();
const columns = Object.entries(COLUMNS).map(([name, type]) => `"${name}": '${type}'`);
await connection.run(
  `create table events as select * from read_json('${file}', format = 'newline_delimited',
   columns = {${columns.join(', ')}})`,
);
const seconds = (performance.now() - startedMs) / 1000;
connection.closeSync();
process.stdout.write(`${JSON.stringify({ seconds })}\n`);
