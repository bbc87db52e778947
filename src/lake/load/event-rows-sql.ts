/** From lines to the rows of `events`, in SQL: what Millrace knows of the source comes beside. */
import { EVENT_COLUMNS } from '../lake-columns.ts';
import type { SourceInfo } from '../lake-columns.ts';
import { LINE_COLUMNS } from './event-lines.ts';
import { sqlText } from '../sql-text.ts';

/** Lines of fields. @param longest bytes of the longest line. */
export function linesRelation(path: string, longest: number): string {
  const columns = Object.entries(LINE_COLUMNS).map(([name, type]) => `'${name}': '${type}'`);
  const bytesMax = Math.max(LINE_BYTES_MIN, longest + 1);
  return `read_csv(${sqlText(path)}, auto_detect = false, delim = '\x1f', quote = '', escape = '',
    header = false, new_line = '\\n', nullstr = '', max_line_size = ${bytesMax},
    buffer_size = ${bytesMax * 2}, columns = {${columns.join(', ')}})`;
}

/**
 * Lines of JSON, for what lines of fields cannot hold.
 * @param longest bytes of the longest line.
 */
export function jsonLinesRelation(path: string, longest: number): string {
  const entries = Object.entries(LINE_COLUMNS);
  const columns = entries.map(([name, type]) => {
    return `'${name}': '${type === 'JSON' ? 'VARCHAR' : type}'`;
  });
  const values = entries.map(([name, type]) =>
    type === 'JSON' ? `"${name}"::json as "${name}"` : `"${name}"`,
  );
  return `(select ${values.join(', ')} from read_json(${sqlText(path)},
    format = 'newline_delimited', maximum_object_size = ${Math.max(LINE_BYTES_MIN, longest * 4)},
    columns = {${columns.join(', ')}}))`;
}

const LINE_BYTES_MIN = 2 * 1024 * 1024;

const TIMES: Record<string, string> = {
  timestamp: 'timestamp_ms',
  original_timestamp: 'original_timestamp_ms',
  sent_at: 'sent_at_ms',
  received_at: 'received_ms',
};

/** The rows of lines that came in one region. @param sources all that the lines are of. */
export function eventRowsSql(
  relations: readonly string[],
  region: string,
  sources: readonly SourceInfo[],
): string {
  const columns = Object.keys(EVENT_COLUMNS).map((name) => {
    return `${valueSql(name, region, sources)} as "${name}"`;
  });
  const lines = relations.map((relation) => `select * from ${relation}`).join(' union all ');
  return `select ${columns.join(', ')} from (${lines}) as l`;
}

function valueSql(column: string, region: string, sources: readonly SourceInfo[]): string {
  const time = TIMES[column];
  if (time !== undefined) return `make_timestamp(l.${time} * 1000)`;
  switch (column) {
    case 'region':
      return sqlText(region);
    case 'source':
      return ofSource(sources, ({ slug }) => slug);
    case 'source_id':
      return ofSource(sources, ({ id }) => id);
    case 'environment':
      return ofSource(sources, ({ environment }) => environment);
    default:
      return `l."${column}"`;
  }
}

/** Most lines that are loaded together are of one source. */
function ofSource(sources: readonly SourceInfo[], textOf: (source: SourceInfo) => string): string {
  const [first] = sources;
  if (first && sources.length === 1) return sqlText(textOf(first));
  const cases = sources.map((source) => `when ${source.number} then ${sqlText(textOf(source))}`);
  return `case l.source_number ${cases.join(' ')} end`;
}
