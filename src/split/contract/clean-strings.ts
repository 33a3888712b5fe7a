/**
 * Applies a schema to strings that stay strings, by their numbers in the column's pool: the schema sees each string
 * once in a run. A contract column calls it for its dictionary. It returns undefined when the schema refuses a string,
 * and the caller then finds the rows.
 */
import type { DictionaryColumn } from '../../parquet/columns.ts';
import type { ColumnType } from '../../parquet/types.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { pooled } from './dictionary-encode.ts';
import { type SchemaOnValues, same } from './schema-on-values.ts';
import { type PooledColumn, type StringPool, UNKNOWN } from './string-pool.ts';

/**
 * `cleaned` is the number, by entry, of what the schema made of it; undefined when it changed none. Undefined altogether
 * where only the general way will do (a refused value, a null result, a schema that gives another type).
 */
export function cleanStrings(
  contract: ContractColumn,
  type: ColumnType,
  column: DictionaryColumn,
  schema: SchemaOnValues,
  pool: StringPool,
): { entries: PooledColumn; cleaned: Int32Array | undefined } | undefined {
  const strings = contract.input === 'string' && contract.output === 'string' && contract.outputType === undefined;
  // A decimal's text is not its bytes.
  if (!strings || type.annotation?.kind === 'decimal') return undefined;
  const entries = pooled(column, pool);
  if (!entries) return undefined;
  const { numbers } = entries;
  const inputs = pool.strings.values();
  const { data, offsets } = inputs;
  const { proof } = contract;
  const cleaned = new Int32Array(numbers.length);
  let changed = false;
  for (let entry = 0; entry < numbers.length; entry++) {
    const number = numbers[entry]!;
    let outcome = pool.outcome(number);
    if (outcome === UNKNOWN && proof?.(data, offsets[number]!, offsets[number + 1]!)) {
      outcome = number;
      pool.remember(number, outcome);
    }
    if (outcome === UNKNOWN) {
      const result = schema.parse(inputs, number);
      if (!result.ok || typeof result.value !== 'string') return undefined;
      outcome = same(result.value, result.input) ? number : pool.numberOf(result.value);
      pool.remember(number, outcome);
    }
    cleaned[entry] = outcome;
    changed ||= outcome !== number;
  }
  return { entries, cleaned: changed ? cleaned : undefined };
}
