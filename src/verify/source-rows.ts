/**
 * Reads the source of a run again, row by row: it decodes the values and holds each row to the contract (`by-row.ts`).
 * `expected.ts` and `values.ts` use it. It is slow and simple on purpose, and must stay so: the split does the same
 * work with dictionaries and proofs, and is checked against this code.
 */

import type { Manifest } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { decodeChunk } from '../parquet/decode.ts';
import { typeText } from '../parquet/logical.ts';
import { writtenType } from '../parquet/readers.ts';
import type { Column, ColumnType, FileMeta, Leaf, Values } from '../parquet/types.ts';
import { type Cell, RowInterpreter } from '../pipeline/by-row.ts';
import type { CompiledPipeline, ContractColumn } from '../pipeline/compiled.ts';
import { withAbsent } from '../source/absent-columns.ts';
import { retypeColumn } from '../source/retype.ts';
import { cellsOf } from '../source/row-cells.ts';
import { leafOf, type PinnedBlob, readFooter, readRanges } from '../source/source-file.ts';
import { widenColumn, widest } from '../source/widen.ts';
import { type Canon, canonOfJs, canonReader } from './canonical-value.ts';

/** A contract or derived column of some rows: `js` as a pipeline's functions see it, `canon` as it is published unchanged. */
export interface SourceCells {
  js: unknown[];
  canon: Canon[];
}

/** Consecutive rows of a source blob. */
export interface SourceRows {
  blob: string;
  /** Row number, within the blob, of the first row. */
  firstRow: number;
  rows: number;
  cells: ReadonlyMap<string, SourceCells>;
  /** By row: the contract columns that refuse the row, in their order. */
  refused: ReadonlyMap<number, string[]>;
}

/** The inputs of a run that have changed or are gone since it read them. */
export async function lostInputs({ store }: Environment, { source, inputs }: Manifest): Promise<string[]> {
  const lost: string[] = [];
  for (const { blob, etag } of inputs) {
    // The service compares: it writes an ETag in more than one way.
    const first = await store
      .read(source.container, blob, { offset: 0, length: 1, ifMatch: etag })
      .catch(unlessChanged);
    if (first === 'changed') lost.push(`${source.container}/${blob} has changed`);
    else if (!first) lost.push(`${source.container}/${blob} is gone`);
  }
  return lost;
}

function unlessChanged(thrown: unknown): 'changed' {
  if (thrown instanceof OrdinalError && thrown.code === 'SourceChanged') return 'changed';
  throw thrown;
}

/** All rows of a run's inputs, one row group at a time. */
export async function* sourceRows(
  environment: Environment,
  pipeline: CompiledPipeline,
  { source, inputs }: Manifest,
): AsyncIterable<SourceRows> {
  const footer = async (file: PinnedBlob) =>
    withAbsent(await readFooter(environment.store, source.container, file), pipeline.contract);
  const types = new Map<string, ColumnType>();
  for (const file of inputs) {
    const meta = await footer(file);
    for (const contract of pipeline.contract) {
      const { name } = contract;
      const leaf = leafOf(meta, contract, file.blob);
      // A column without a value has no say: its writer may have given it any type.
      if (!(await holdsValue(environment, source.container, file, meta, leaf))) continue;
      const known = types.get(name);
      types.set(name, known ? (widest(known, leaf.type) ?? known) : leaf.type);
    }
  }
  const interpreter = new RowInterpreter(pipeline);
  for (const file of inputs) {
    const meta = await footer(file);
    let firstRow = 0;
    for (const [g, { rows }] of meta.rowGroups.entries()) {
      const columns = await decodeGroup(
        environment,
        pipeline,
        { container: source.container, file, meta, firstRow },
        g,
        types,
      );
      if (rows > 0) yield heldRows(pipeline, interpreter, columns, { blob: file.blob, firstRow, rows });
      firstRow += rows;
    }
  }
}

/** A contract column of one row group, as the contract finds it. */
interface GroupColumn {
  column: Column;
  type: ColumnType;
  cell: (row: number) => Cell;
}

interface GroupFile {
  container: string;
  file: PinnedBlob;
  meta: FileMeta;
  /** Row number, within the blob, of the group's first row. */
  firstRow: number;
}

async function holdsValue(
  { store }: Environment,
  container: string,
  file: PinnedBlob,
  meta: FileMeta,
  leaf: Leaf,
): Promise<boolean> {
  for (const [rowGroup, { rows, chunks }] of meta.rowGroups.entries()) {
    const chunk = chunks[leaf.ordinal]!;
    const nulls = leaf.optional ? chunk.statistics?.nullCount : 0;
    if (rows === 0 || nulls === rows) continue;
    if (nulls !== undefined) return true;
    const [bytes] = await readRanges(store, container, file, [chunk]);
    const where = { blob: file.blob, rowGroup, column: leaf.name };
    if (decodeChunk(bytes!, chunk, leaf, rows, where).nulls < rows) return true;
  }
  return false;
}

async function decodeGroup(
  { store }: Environment,
  pipeline: CompiledPipeline,
  { container, file, meta, firstRow }: GroupFile,
  rowGroup: number,
  types: ReadonlyMap<string, ColumnType>,
): Promise<GroupColumn[]> {
  const { chunks, rows } = meta.rowGroups[rowGroup]!;
  const { blob } = file;
  const leaves = pipeline.contract.map((contract) => leafOf(meta, contract, blob));
  const wanted = leaves.map((leaf) => chunks[leaf.ordinal]!);
  const bodies = await readRanges(store, container, file, wanted);
  return pipeline.contract.map((contract, c) => {
    const leaf = leaves[c]!;
    const where = { blob, rowGroup, column: contract.name };
    const fetched = { bytes: bodies[c]!, meta: wanted[c]!, leaf, rows };
    const wide = types.get(contract.name) ?? contract.emptyType;
    const type = writtenType(wide, contract.input, pipeline.readers) ?? wide;
    const locate = (row: number) => ({ ...where, row: firstRow + row });
    const decoded = decodeChunk(fetched.bytes, fetched.meta, leaf, rows, where);
    const column = retypeColumn(widenColumn(decoded, leaf.type, wide, locate), wide, type, locate);
    return { column, type, cell: cellsOf(column, type, contract, fetched, where) };
  });
}

/** Holds each row to the contract. A value that its schema leaves unchanged keeps what JavaScript cannot hold. */
function heldRows(
  pipeline: CompiledPipeline,
  interpreter: RowInterpreter,
  columns: readonly GroupColumn[],
  place: { blob: string; firstRow: number; rows: number },
): SourceRows {
  const { blob, firstRow, rows } = place;
  const { contract, derived = [] } = pipeline;
  const empty = (): SourceCells => ({ js: new Array(rows).fill(null), canon: new Array(rows).fill(null) });
  const cells = new Map([...contract, ...derived].map(({ name }) => [name, empty()]));
  const writers = columns.map((column, c) => canonWriter(contract[c]!, column));
  const refused = new Map<number, string[]>();
  for (let row = 0; row < rows; row++) {
    const raw = columns.map(({ cell }) => cell(row));
    const canon = new Array<Canon>(columns.length).fill(null);
    const held = interpreter.hold({ cell: (c) => raw[c]!, blob, row: firstRow + row }, (c, value) => {
      canon[c] = writers[c]!(row, raw[c]!, value);
    });
    if (held.refused.length > 0) {
      refused.set(
        row,
        held.refused.map(({ column }) => column),
      );
      continue;
    }
    for (const [c, { name }] of contract.entries()) {
      const cell = cells.get(name)!;
      cell.js[row] = held.at(name);
      cell.canon[row] = canon[c]!;
    }
    for (const { name, type } of derived) {
      const cell = cells.get(name)!;
      cell.js[row] = held.at(name);
      cell.canon[row] = canonOfJs(cell.js[row], type);
    }
  }
  return { ...place, cells, refused };
}

/** What a column holds of a value that its schema gave: throws what the column's type cannot hold. */
function canonWriter(
  contract: ContractColumn,
  { column, type }: GroupColumn,
): (row: number, raw: Cell, value: unknown) => Canon {
  const outType = contract.outputType ?? type;
  const retyped = contract.output !== contract.input || typeText(outType) !== typeText(type);
  const canonOf = canonReader(type);
  const [values, placeOf] = placesOf(column);
  return (row, raw, value) => {
    if (value === null || value === undefined) return null;
    const unchanged = !retyped && 'value' in raw && same(value, raw.value);
    return unchanged ? canonOf(values, placeOf(row)) : canonOfJs(value, outType);
  };
}

/** A column's values, and where among them a row's is: -1 for null. */
function placesOf(column: Column): [Values, (row: number) => number] {
  if (column.form === 'dictionary') return [column.dictionary, (row) => column.indices[row]!];
  return [column.values, (row) => row];
}

function same(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}
