/**
 * Rows as plain JavaScript objects, to and from small Parquet files. `tryPipeline` calls it, and so does whoever shows
 * published rows. It must never be given a large file: it holds all rows at once.
 */
import { OrdinalError } from '../errors.ts';
import { builder, reader } from '../parquet/logical.ts';
import { readTable, type TableColumn, writeTable } from '../parquet/table.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import { typesOfKinds } from '../pipeline/contract.ts';
import { type } from '../pipeline/output-type.ts';

/** A row by column names. */
export type Row = Record<string, unknown>;

/**
 * The rows of a file.
 * @param bytes the whole file
 * @param blob its name, for errors
 * @param rowsMax rows that are read, from the first on
 * @returns the rows, in order; null where there is no value, INT64 as bigint, decimals as text
 * @throws as `readTable`
 */
export function rowsOfFile(bytes: Uint8Array, blob: string, rowsMax = Number.POSITIVE_INFINITY): Row[] {
  const { rows, columns } = readTable(bytes, blob);
  const cells = columns.map(({ name, type: of, values, valid }) => {
    const read = reader(of, 'any');
    return (row: Row, r: number) => {
      row[name] = valid?.[r] === 0 ? null : read(values, r);
    };
  });
  return Array.from({ length: Math.min(rows, rowsMax) }, (_, r) => {
    const row: Row = {};
    for (const cell of cells) cell(row, r);
    return row;
  });
}

/**
 * A source file of these rows, for a pipeline: a column for each of its contract's, of the type that the contract and the
 * values ask for. A member that is missing is null.
 * @param pipeline whose contract says which columns there are
 * @param rows source rows; members that the contract does not name are left out
 * @returns the file
 * @throws OrdinalError `InvalidValue` that names row and column, for a value that its column cannot hold
 */
export function fileOfRows({ contract }: Pick<CompiledPipeline, 'contract'>, rows: readonly Row[]): Uint8Array {
  return writeTable(
    contract.map((column): TableColumn => {
      const { name } = column;
      const of = sourceType(column, rows);
      const values = builder(of);
      for (const [r, row] of rows.entries()) {
        try {
          values.push(valueAt(row, column));
        } catch (cause) {
          if (!(cause instanceof OrdinalError)) throw cause;
          throw new OrdinalError(cause.code, `row ${r}, column ${name}: ${cause.message}`, {
            where: { column: name, row: r },
            remedy: 'Correct the value, or give a Parquet file, whose types are then its own.',
          });
        }
      }
      const { values: data, valid } = values.finish();
      return { name, type: of, values: data, valid: valid ?? new Uint8Array(rows.length).fill(1) };
    }),
  );
}

/** A column's value in a row, also where it is within nested objects. */
function valueAt(row: Row, { name, path }: ContractColumn): unknown {
  if (!path || Object.hasOwn(row, name)) return row[name];
  return path.reduce<unknown>((value, part) => (value as Row | null | undefined)?.[part], row);
}

/** What the first value of a column says of its type; text where there is none. */
function typeOfValue(value: unknown): ColumnType {
  if (typeof value === 'number') return Number.isInteger(value) ? type.int64.column : type.float64.column;
  if (typeof value === 'bigint') return type.int64.column;
  if (typeof value === 'boolean') return type.boolean.column;
  if (value instanceof Date) return type.timestamp.column;
  return value instanceof Uint8Array ? type.bytes.column : type.string.column;
}

/** Whether the schema takes no number beyond 32 bits, as `z.int32()`. */
function isInt32({ integer, bounds }: ContractColumn): boolean {
  return integer && (bounds?.min ?? -Infinity) >= -(2 ** 31) && (bounds?.max ?? Infinity) < 2 ** 31;
}

function sourceType(column: ContractColumn, rows: readonly Row[]): ColumnType {
  const { input, integer } = column;
  if (input === 'number') return (isInt32(column) ? type.int32 : integer ? type.int64 : type.float64).column;
  if (input !== 'any') return typesOfKinds[input];
  return typeOfValue(rows.map((row) => valueAt(row, column)).find((value) => value !== null && value !== undefined));
}
