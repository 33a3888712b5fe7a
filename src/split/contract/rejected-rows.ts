/**
 * The refused rows themselves: what their source held in the columns of the row contract, before the contract, with the
 * place of each row and the reasons. Batches write theirs, and the run puts them together. Somebody may mend the rows and
 * have them taken in again: the file fits the contract's columns. Read by `split/batch.ts` only where rows were refused.
 */
import { gatherColumn, joinColumns, toPlain } from '../../parquet/columns.ts';
import { builder } from '../../parquet/logical.ts';
import { type TableColumn, writeTable } from '../../parquet/table.ts';
import { isText } from '../../parquet/text.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import { bytesAt } from '../../parquet/values.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { decodeSource, locationOf, type SourceChunk, shapeOfChunk, type UnitPlace } from '../../source/source-chunk.ts';
import { widenColumn } from '../../source/widen.ts';
import { ValueList } from '../keys/value-list.ts';
import type { Rejection } from './rejections.ts';

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int64: ColumnType = { physical: 'INT64' };
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Columns beside those of the source. A source column of the same name is left out. */
const added = [
  { name: '_blob', type: text },
  /** 0-based row number in the blob. */
  { name: '_row', type: int64 },
  /** Each refused column with its reason. */
  { name: '_reason', type: text },
] as const;

export class RejectedRows {
  readonly #columns: { name: string; type: ColumnType; list: ValueList }[];
  readonly #added = added.map(({ type }) => builder(type));
  #rows = 0;

  /** `types`: of the contract's columns over all files of the run, before the contract. */
  constructor(contract: readonly ContractColumn[], types: ReadonlyMap<string, ColumnType>) {
    this.#columns = contract
      .filter(({ name }) => !added.some((one) => one.name === name))
      .map(({ name }) => ({ name, type: types.get(name)!, list: new ValueList(types.get(name)!) }));
  }

  /** Takes the refused rows of a unit, in order of their rows. */
  add(rejections: readonly Rejection[], chunks: ReadonlyMap<string, readonly SourceChunk[]>, place: UnitPlace): void {
    if (rejections.length === 0) return;
    const reasons = new Map<number, string[]>();
    for (const { row, column, reason } of rejections) {
      reasons.set(row, [...(reasons.get(row) ?? []), `${column}: ${reason}`]);
    }
    const at = Int32Array.from(reasons.keys());
    for (const { name, type, list } of this.#columns) list.add(gathered(chunks.get(name)!, type, at, place));
    for (const [row, list] of reasons) {
      const { blob, row: number } = locationOf(place, row);
      for (const [i, value] of [blob, BigInt(number), list.join('; ').toWellFormed()].entries()) {
        this.#added[i]!.push(value);
      }
      this.#rows++;
    }
  }

  /** As a Parquet table; undefined when nothing was refused. */
  toTable(): Uint8Array | undefined {
    if (this.#rows === 0) return undefined;
    const all = Int32Array.from({ length: this.#rows }, (_, row) => row);
    const own = this.#columns.map(({ name, type, list }): TableColumn => {
      const { values, indices, valid } = list.gather(all);
      const column: Column = indices
        ? { form: 'dictionary', rows: this.#rows, nulls: 0, dictionary: values, indices }
        : { form: 'plain', rows: this.#rows, nulls: 0, values, valid };
      const nulls = indices ? indices.reduce((sum, entry) => sum + (entry < 0 ? 1 : 0), 0) : 0;
      const plain = toPlain({ ...column, nulls: indices ? nulls : valid ? 1 : 0 });
      return { name, type, ...readable(plain.values, plain.valid, type) };
    });
    const beside = added.map(
      ({ name, type }, i): TableColumn => ({ name, type, values: this.#added[i]!.finish().values, valid: undefined }),
    );
    return writeTable([...own, ...beside]);
  }
}

/** What the source holds in the rows `at` of a unit. */
function gathered(chunks: readonly SourceChunk[], type: ColumnType, at: Int32Array, place: UnitPlace): Column {
  const pieces = chunks.map((chunk) => {
    const decoded = decodeSource(chunk, shapeOfChunk(chunk), (length) => new Int32Array(length));
    return widenColumn(decoded, chunk.leaf.type, type, (row) => locationOf(place, row));
  });
  return gatherColumn(joinColumns(type, pieces), at);
}

/** The values with a mark for each null. Text that is not UTF-8 is null too: nobody could read the file with it. */
function readable(
  values: Values,
  valid: Uint8Array | undefined,
  type: ColumnType,
): Pick<TableColumn, 'values' | 'valid'> {
  const marks = valid ? new Uint8Array(valid) : new Uint8Array(values.length).fill(1);
  if (!isText(type) || values.kind !== 'bytes') return { values, valid: marks };
  const build = builder(type);
  for (let row = 0; row < values.length; row++) {
    const shown = marks[row] === 1 ? textOf(bytesAt(values, row)) : undefined;
    build.push(shown);
    if (shown === undefined) marks[row] = 0;
  }
  return { values: build.finish().values, valid: marks };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
