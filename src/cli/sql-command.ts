/** `millrace sql`: the server's SQL while it runs, the same lake opened here when it does not. */
import type { Command } from 'commander';
import { toCsv } from '../admin/csv.ts';
import type { SqlRows } from '../query/run-sql.ts';
import { connectAdmin } from './admin-client.ts';
import { printJson, printLine, printNote, tableText } from './output.ts';
import { configOf, dataFolderOf, withDataOptions, withJsonOption } from './cli-settings.ts';
import type { DataOptions } from './cli-settings.ts';
import { whileStopped } from './while-stopped.ts';

interface SqlOptions extends DataOptions {
  csv?: boolean;
}

type Rows = Pick<SqlRows, 'columns' | 'rows' | 'isTruncated'>;

export function addSqlCommand(program: Command): void {
  withJsonOption(withDataOptions(program.command('sql')))
    .description('query events in SQL (DuckDB), while the server runs or not')
    .argument('<query>', 'one SELECT over events, rejected, or the tables of a source')
    .option('--csv', 'print CSV')
    .addHelpText(
      'after',
      `\nExample: millrace sql "select event, count(*) from events where type = 'track' group by 1"`,
    )
    .action(runSqlCommand);
}

async function runSqlCommand(query: string, options: SqlOptions): Promise<void> {
  const config = await configOf(options);
  const dataFolder = dataFolderOf(config);
  const result =
    (await whileStopped(dataFolder, async () => {
      // Loaded here, because the SQL engine takes its time.
      const { queryStopped } = await import('./stopped-lake.ts');
      return queryStopped(config, query);
    })) ?? (await queryRunning(dataFolder, query));
  print(result, options);
}

async function queryRunning(dataFolder: string, sql: string): Promise<Rows> {
  const admin = await connectAdmin(dataFolder);
  const response = await admin.request('/sql', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ sql }),
  });
  const body = (await response.json()) as Pick<SqlRows, 'columns' | 'rows'> & {
    truncated: boolean;
  };
  return { columns: body.columns, rows: body.rows, isTruncated: body.truncated };
}

function print({ columns, rows, isTruncated }: Rows, options: SqlOptions): void {
  const names = columns.map(({ name }) => name);
  if (options.json) {
    printJson(rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]]))));
  } else if (options.csv) {
    process.stdout.write(toCsv({ columns, rows }));
  } else {
    printLine(tableText(names, rows));
    printNote(`${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`);
  }
  if (isTruncated) printNote(`Only the first ${rows.length} rows are shown (sql.rowsMax).`);
}
