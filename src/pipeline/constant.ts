/**
 * Whether a constant can be written as its type: found at start-up, by writing it, and not in a run. `columns.ts` calls
 * it.
 */
import { OrdinalError } from '../errors.ts';
import { builder, typeText } from '../parquet/logical.ts';
import type { ColumnType } from '../parquet/types.ts';

/**
 * What is wrong with the value, or undefined.
 * @param value what the declaration says
 * @param type type of the column
 * @returns what is wrong, in words; undefined when it fits
 */
export function constantProblem(value: unknown, type: ColumnType): string | undefined {
  if (value === null || value === undefined) return `${value} is no ${typeText(type)} value`;
  try {
    builder(type).push(value);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof OrdinalError) return thrown.message;
    throw thrown;
  }
}
