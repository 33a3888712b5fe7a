/**
 * A source column in the type in which it is written, where the readers of the datasets know its own type not at all:
 * decimals as integers, doubles or text, unsigned integers as signed ones, milliseconds as microseconds. The split and the
 * verifier call it, before the contract sees a value. It must never change a value silently: what does not fit is an error.
 */
import { type ErrorLocation, OrdinalError } from '../errors.ts';
import { builder, type LogicalKind, reader, typeText } from '../parquet/logical.ts';
import type { Column, ColumnType, Values } from '../parquet/types.ts';
import { widenColumn, widest } from './widen.ts';

/**
 * The same rows in another type.
 * @param column a decoded column
 * @param from its type
 * @param to type that `writtenType` of `src/parquet/readers.ts` gave for it
 * @param locate place of a row, for errors
 * @returns the column in the type `to`
 * @throws `InvalidValue` at the row whose value the type does not hold
 */
export function retypeColumn(
  column: Column,
  from: ColumnType,
  to: ColumnType,
  locate: (row: number) => ErrorLocation,
): Column {
  if (typeText(from) === typeText(to)) return column;
  const wide = widest(from, to);
  if (column.rows === column.nulls || (wide && typeText(wide) === typeText(to))) {
    return widenColumn(column, from, to, locate);
  }
  // JSON as text, BSON as bytes: only the name of the type changes.
  const bytes = from.physical === 'BYTE_ARRAY' && to.physical === 'BYTE_ARRAY';
  if (bytes && from.annotation?.kind !== 'decimal') return column;
  if (column.form === 'dictionary') {
    const used = new Int32Array(column.dictionary.length).fill(-1);
    column.indices.forEach((entry, row) => {
      if (entry >= 0 && used[entry]! < 0) used[entry] = row;
    });
    return { ...column, dictionary: retypeValues(column.dictionary, from, to, (i) => used[i]!, locate) };
  }
  const { valid } = column;
  return { ...column, values: retypeValues(column.values, from, to, (i) => (valid?.[i] === 0 ? -1 : i), locate) };
}

/** `rowOf`: a row that shows the value; -1 for none, and then any value will do. */
function retypeValues(
  values: Values,
  from: ColumnType,
  to: ColumnType,
  rowOf: (i: number) => number,
  locate: (row: number) => ErrorLocation,
): Values {
  const read = reader(from, kindOf(to));
  const build = builder(to);
  for (let i = 0; i < values.length; i++) {
    const row = rowOf(i);
    if (row < 0) {
      build.pushNull();
      continue;
    }
    try {
      build.push(read(values, i));
    } catch (thrown) {
      if (!(thrown instanceof OrdinalError)) throw thrown;
      throw new OrdinalError(
        'InvalidValue',
        `a value of ${typeText(from)} is beyond ${typeText(to)}: ${thrown.message}`,
        {
          where: locate(row),
          remedy: "Read the column as text (z.string()), or leave out readers: 'parquetjs-lite'.",
        },
      );
    }
  }
  return build.finish().values;
}

function kindOf({ physical, annotation }: ColumnType): LogicalKind {
  if (annotation?.kind === 'string') return 'string';
  if (physical === 'DOUBLE') return 'number';
  return physical === 'INT64' ? 'bigint' : 'bytes';
}
