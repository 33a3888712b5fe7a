/** Rows of data as a grid of values. A value is shown as text, whatever it holds, and a null as such. */
import { Scroll, Text } from './ui.tsx';

interface DataColumn {
  name: string;
  type?: string;
}

interface CellsProps {
  label: string;
  columns: readonly DataColumn[];
  rows: readonly (readonly unknown[])[];
}

export function Cells({ label, columns, rows }: CellsProps) {
  if (rows.length === 0) return <p class="empty">No rows.</p>;
  const numeric = columns.map((_, c) => rows.every((row) => row[c] === null || /^-?\d+(\.\d+)?$/.test(String(row[c]))));
  return (
    <Scroll label={label}>
      <table class="table data">
        <caption class="unseen">{label}</caption>
        <thead>
          <tr>
            <th scope="col" class="numeric row-number">
              <span aria-hidden="true">#</span>
              <span class="unseen">Row</span>
            </th>
            {columns.map(({ name, type }, c) => (
              <th key={name} scope="col" class={numeric[c] ? 'numeric' : ''}>
                <Text of={name} />
                {type !== undefined && <span class="type">{type}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              <th scope="row" class="numeric row-number">
                {r + 1}
              </th>
              {row.map((value, c) => (
                <td key={columns[c]!.name} class={numeric[c] ? 'numeric' : ''}>
                  {value === null || value === undefined ? (
                    <span class="null">null</span>
                  ) : (
                    <Text of={String(value)} clip />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
