/**
 * A function of several columns that gives numbers for every row: a plain loop into one array, and one conversion to the
 * column's type. Whatever is not a number that the type takes is left to the general way, which names the row.
 */
import { fromNumbers } from '../parquet/from-numbers.ts';
import type { ColumnType, Values } from '../parquet/types.ts';
import type { JsView } from './js-view.ts';

/** Undefined when some row's result is not a number, or not one that the type takes. Functions are pure. */
export function computeNumbers(
  fn: (...values: unknown[]) => unknown,
  views: readonly JsView[],
  rows: number,
  type: ColumnType,
): Values | undefined {
  const results = new Float64Array(rows);
  try {
    const [a, b, c] = views;
    if (views.length === 2) {
      for (let row = 0; row < rows; row++) {
        const value = fn(valueAt(a!, row), valueAt(b!, row));
        if (typeof value !== 'number') return undefined;
        results[row] = value;
      }
    } else if (views.length === 3) {
      for (let row = 0; row < rows; row++) {
        const value = fn(valueAt(a!, row), valueAt(b!, row), valueAt(c!, row));
        if (typeof value !== 'number') return undefined;
        results[row] = value;
      }
    } else {
      for (let row = 0; row < rows; row++) {
        const value = fn(...views.map((view) => valueAt(view, row)));
        if (typeof value !== 'number') return undefined;
        results[row] = value;
      }
    }
  } catch {
    return undefined;
  }
  return fromNumbers(type, results);
}

function valueAt(view: JsView, row: number): unknown {
  if (view.form === 'plain') return view.at(row);
  const entry = view.indices[row]!;
  return entry < 0 ? null : view.values[entry];
}
