/** The rows of a query as a table, and as a chart when they make one. */
import { useMemo, useState } from 'preact/hooks';
import type { SqlAnswer } from '../../../../src/operate/sql/sql-shapes.ts';
import { count, duration } from '../../format.ts';
import { Chart } from '../../parts/chart.tsx';
import { Empty } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { Bars } from './sql-bars.tsx';
import { cellText, chartOf, isNumber } from './sql-result-model.ts';

/** A page of thousands of rows is slow to draw, and nobody reads it. */
const ROWS_SHOWN = 200;
const CELL_CHARS = 300;

export function Result({ result }: { result: SqlAnswer }) {
  const chart = useMemo(() => chartOf(result), [result]);
  const [isDrawn, setDrawn] = useState(false);
  const [isWhole, setWhole] = useState(false);
  const { rows, columns, truncated, elapsedMs } = result;
  const shown = isWhole ? rows : rows.slice(0, ROWS_SHOWN);
  return (
    <>
      <div class="actions" role="status">
        <span>
          {count(rows.length)}
          {truncated ? ' rows and more' : rows.length === 1 ? ' row' : ' rows'} in{' '}
          {duration(elapsedMs)}
          {truncated && '; the files have all of them, up to the limit of the server'}
        </span>
        {chart && (
          <button
            type="button"
            class="quiet"
            aria-pressed={isDrawn}
            onClick={() => setDrawn(!isDrawn)}
          >
            Chart
          </button>
        )}
      </div>
      {chart && isDrawn && chart.kind === 'line' && (
        <Chart label="Result over time" times={chart.times} lines={chart.lines} />
      )}
      {chart && isDrawn && chart.kind === 'bar' && <Bars name={chart.name} bars={chart.bars} />}
      {rows.length === 0 ? (
        <Empty>No rows. Events are in SQL about a second after they were sent.</Empty>
      ) : (
        <Table
          label="Result"
          columns={columns.map((column) => (
            <span title={column.type}>{column.name}</span>
          ))}
        >
          {shown.map((row, at) => (
            <tr key={at}>
              {row.map((value, column) => (
                <Cell
                  key={column}
                  value={value}
                  isNumber={isNumber(columns[column] ?? { name: '', type: '' })}
                />
              ))}
            </tr>
          ))}
        </Table>
      )}
      {shown.length < rows.length && (
        <button type="button" class="quiet" onClick={() => setWhole(true)}>
          Show all {count(rows.length)} rows
        </button>
      )}
    </>
  );
}

function Cell({ value, isNumber: isRight }: { value: unknown; isNumber: boolean }) {
  if (value === null) return <td class="muted">null</td>;
  const text = cellText(value);
  const isLong = text.length > CELL_CHARS;
  return (
    <td class={isRight ? 'number' : 'sql-cell'} title={isLong ? text : undefined}>
      {isLong ? `${text.slice(0, CELL_CHARS)}…` : text}
    </td>
  );
}
