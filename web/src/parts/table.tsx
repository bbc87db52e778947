/** A table that scrolls inside itself on narrow screens. */
import type { ComponentChildren } from 'preact';

/** The head of a column of numbers (`<td class="number">`). */
export interface NumberColumn {
  number: string;
}

interface Props {
  /** Said to people who do not see the page. */
  label: string;
  columns: readonly (ComponentChildren | NumberColumn)[];
  /** Rows of `<tr>`. */
  children: ComponentChildren;
}

export function Table({ label, columns, children }: Props) {
  return (
    // A region that scrolls has to be reached by the keyboard.
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column, at) =>
              isNumberColumn(column) ? (
                <th key={at} scope="col" class="number">
                  {column.number}
                </th>
              ) : (
                <th key={at} scope="col">
                  {column}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

function isNumberColumn(column: ComponentChildren | NumberColumn): column is NumberColumn {
  return typeof column === 'object' && column !== null && 'number' in column;
}
