/**
 * The refused rows themselves: what their source held, before the contract, with the place of each row and the reasons.
 * Columns of the row contract come first, then the others (`other-columns.ts`). Batches write theirs, and the run puts them
 * together. Somebody may mend the rows and have them taken in again: the file fits the contract's columns.
 */
import { z } from 'zod';
import { gatherColumn, joinColumns, type PlainColumn, toPlain } from '../../parquet/columns.ts';
import { builder } from '../../parquet/logical.ts';
import { readTable, type TableColumn, type TableOptions, writeTable } from '../../parquet/table.ts';
import { isText } from '../../parquet/text.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import { allocate, bytesAt, concat } from '../../parquet/values.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { decodeSource, locationOf, type SourceChunk, shapeOfChunk, type UnitPlace } from '../../source/source-chunk.ts';
import { widenColumn, widest } from '../../source/widen.ts';
import { ValueList } from '../keys/value-list.ts';
import type { Rejection } from './rejections.ts';

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int64: ColumnType = { physical: 'INT64' };
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Columns beside those of the source. */
const added = [
  { name: '_blob', type: text },
  /** 0-based row number in the blob. */
  { name: '_row', type: int64 },
  /** Each refused column with its reason. */
  { name: '_reason', type: text },
] as const;

/** Whether the rejected rows have a column of that name beside those of the source. */
export function isAdded(name: string): boolean {
  return added.some((one) => one.name === name);
}

/** Why a source column of such a name is left out. */
export const nameIsAdded = 'the rejected rows have a column of that name';

/** A source column that the rejected rows do not have, and why. */
export interface LeftOutColumn {
  column: string;
  why: string;
}

export class RejectedRows {
  readonly #columns: { name: string; type: ColumnType; list: ValueList }[];
  readonly #added = added.map(({ type }) => builder(type));
  readonly #leftOut: readonly LeftOutColumn[];
  /** Where the refused rows are, in their order. */
  readonly places: { blob: string; rowGroup: number; row: number }[] = [];

  /** `types`: of the contract's columns over all files of the run, before the contract. */
  constructor(contract: readonly ContractColumn[], types: ReadonlyMap<string, ColumnType>) {
    this.#columns = contract
      .filter(({ name }) => !isAdded(name))
      .map(({ name }) => ({ name, type: types.get(name)!, list: new ValueList(types.get(name)!) }));
    this.#leftOut = contract
      .filter(({ name }) => isAdded(name))
      .map(({ name }) => ({ column: name, why: nameIsAdded }));
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
      const at = locationOf(place, row);
      for (const [i, value] of [at.blob, BigInt(at.row), list.join('; ').toWellFormed()].entries()) {
        this.#added[i]!.push(value);
      }
      this.places.push(at);
    }
  }

  /** As a Parquet table, with what the source has beside the contract; undefined when nothing was refused. */
  toTable(others: { columns: readonly TableColumn[]; leftOut: readonly LeftOutColumn[] }): Uint8Array | undefined {
    if (this.places.length === 0) return undefined;
    const own = this.#columns.map(({ name, type, list }) => tableColumn(name, type, list));
    const beside = added.map(
      ({ name, type }, i): TableColumn => ({ name, type, values: this.#added[i]!.finish().values, valid: undefined }),
    );
    const leftOut = [...this.#leftOut, ...others.leftOut];
    return writeTable([...own, ...others.columns, ...beside], { keyValues: leftOutAs(leftOut) });
  }
}

/** The rejected rows of a run: those of its batches, one after the other. */
export function joinRejectedRows(
  lists: readonly { bytes: Uint8Array; name: string }[],
  contract: readonly ContractColumn[],
  options: Required<TableOptions>,
): { bytes: Uint8Array; rows: number; leftOut: LeftOutColumn[] } {
  const tables = lists.map(({ bytes, name }) => readTable(bytes, name));
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const leftOut = new Map(tables.flatMap(({ keyValues }) => leftOutOf(keyValues)).map((one) => [one.column, one]));
  const fixed = new Set([...contract, ...added].map(({ name }) => name));
  const names = new Set(tables.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const joined = [...names].flatMap((name): TableColumn[] => {
    const pieces = tables.map(({ columns }) => columns.find((column) => column.name === name));
    const types = pieces.flatMap((piece) => (piece ? [piece.type] : []));
    const type = types.slice(1).reduce<ColumnType | undefined>((wide, one) => wide && widest(wide, one), types[0]);
    if (!type) leftOut.set(name, { column: name, why: `it is ${[...new Set(types.map(typeText))].join(' and ')}` });
    if (!type || (leftOut.has(name) && !fixed.has(name))) return [];
    const columns = pieces.map((piece, t) => (piece ? widened(piece, type) : nullsOf(type, tables[t]!.rows)));
    const values = concat(
      type,
      columns.map((column) => column.values),
    );
    const optional = columns.some(({ valid }) => valid !== undefined);
    const valid = columns.map((column) => column.valid ?? new Uint8Array(column.values.length).fill(1));
    return [{ name, type, values, valid: optional ? new Uint8Array(Buffer.concat(valid)) : undefined }];
  });
  // What a batch could not keep is in none: else its nulls would look like those of the source.
  const last = joined.filter(({ name }) => isAdded(name));
  const first = joined.filter(({ name }) => fixed.has(name) && !isAdded(name));
  const others = joined.filter(({ name }) => !fixed.has(name));
  const bytes = writeTable([...first, ...others, ...last], options);
  return { bytes, rows, leftOut: [...leftOut.values()].sort((a, b) => (a.column < b.column ? -1 : 1)) };
}

function widened({ name, type: from, values, valid }: TableColumn, type: ColumnType): PlainColumn {
  const nulls = valid ? valid.reduce((sum, bit) => sum + (bit === 0 ? 1 : 0), 0) : 0;
  const column = { form: 'plain', rows: values.length, nulls, values, valid } as const;
  return toPlain(widenColumn(column, from, type, (row) => ({ column: name, row })));
}

/** A column without a value. */
export function nullsOf(type: ColumnType, rows: number): PlainColumn {
  return { form: 'plain', rows, nulls: rows, values: allocate(type, rows), valid: new Uint8Array(rows) };
}

const LEFT_OUT = 'ordinal.leftOut';
const leftOutSchema = z.array(z.object({ column: z.string(), why: z.string() }));

function leftOutAs(leftOut: readonly LeftOutColumn[]): Record<string, string> {
  return leftOut.length > 0 ? { [LEFT_OUT]: JSON.stringify(leftOut) } : {};
}

function leftOutOf(keyValues: Record<string, string>): LeftOutColumn[] {
  const text = keyValues[LEFT_OUT];
  return text === undefined ? [] : leftOutSchema.parse(JSON.parse(text));
}

/** Gathered values as a column that may be null. */
export function tableColumn(name: string, type: ColumnType, list: ValueList): TableColumn {
  const rows = list.length;
  const { values, indices, valid } = list.gather(Int32Array.from({ length: rows }, (_, row) => row));
  const column: Column = indices
    ? { form: 'dictionary', rows, nulls: 0, dictionary: values, indices }
    : { form: 'plain', rows, nulls: 0, values, valid };
  const nulls = indices ? indices.reduce((sum, entry) => sum + (entry < 0 ? 1 : 0), 0) : 0;
  const plain = toPlain({ ...column, nulls: indices ? nulls : valid ? 1 : 0 });
  return { name, type, ...readable(plain.values, plain.valid, type) };
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
