/**
 * The quarantine dataset: one line for each refused value of each refused row. Each batch writes its lines, and
 * `run-quarantine.ts` puts them together for the run.
 */
import { invariant } from '../../errors.ts';
import { builder } from '../../parquet/logical.ts';
import { readTable, type Table, type TableColumn, type TableOptions, writeTable } from '../../parquet/table.ts';
import type { ColumnType } from '../../parquet/types.ts';
import { concat } from '../../parquet/values.ts';
import { locationOf, type UnitPlace } from '../../source/source-chunk.ts';
import type { Rejection } from './rejections.ts';

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const columns = [
  { name: 'blob', type: text, optional: false },
  /** 0-based row number in the blob. */
  { name: 'row', type: { physical: 'INT64' }, optional: false },
  /** The source column that was refused. */
  { name: 'column', type: text, optional: false },
  /** Its value as a short text; null where it was null. */
  { name: 'value', type: text, optional: true },
  { name: 'reason', type: text, optional: false },
] as const satisfies { name: string; type: ColumnType; optional: boolean }[];

/** Collects the refused rows of one batch. */
export class QuarantineList {
  readonly #builders = columns.map(({ type }) => builder(type));
  #lines = 0;

  add(rejections: readonly Rejection[], place: UnitPlace): void {
    for (const { row, column, value, reason } of rejections) {
      const at = locationOf(place, row);
      const line = [at.blob, BigInt(at.row), column, value, reason];
      for (const [c, build] of this.#builders.entries()) {
        const cell = line[c]!;
        // A lone surrogate, which a user's reason may hold, is no text.
        build.push(typeof cell === 'string' ? cell.toWellFormed() : cell);
      }
      this.#lines++;
    }
  }

  /** As a Parquet table; undefined when nothing was refused. */
  toTable(): Uint8Array | undefined {
    if (this.#lines === 0) return undefined;
    return writeTable(
      columns.map(({ name, type, optional }, c): TableColumn => {
        const { values, valid } = this.#builders[c]!.finish();
        return { name, type, values, valid: optional ? (valid ?? new Uint8Array(values.length).fill(1)) : undefined };
      }),
    );
  }
}

/** The tables of a run's batches, of one schema, as one table in batch order. */
export function joinTables(
  lists: readonly { bytes: Uint8Array; name: string }[],
  options: Required<TableOptions>,
): { bytes: Uint8Array; rows: number } {
  const tables = lists.map(({ bytes, name }): Table => readTable(bytes, name));
  const joined = tables[0]!.columns.map(({ name, type }, c): TableColumn => {
    const pieces = tables.map((table) => table.columns[c]!);
    invariant(
      pieces.every((piece) => piece.name === name),
      `a table of refused rows has column "${name}"`,
    );
    const values = concat(
      type,
      pieces.map((piece) => piece.values),
    );
    const nullable = pieces.some((piece) => piece.valid !== undefined);
    const valid = nullable ? new Uint8Array(Buffer.concat(pieces.map((piece) => piece.valid!))) : undefined;
    return { name, type, values, valid };
  });
  return { bytes: writeTable(joined, options), rows: tables.reduce((sum, table) => sum + table.rows, 0) };
}
